"""Between a block and its document: what is saved of an object, and the object made of what was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from nbflow.blocks import registry
from nbflow.blocks.fields import block_classes, schema_of
from nbflow.exceptions import InvalidInput
from nbflow.model.block_secrets import reference, referred
from nbflow.model.blocks import BlockDocument, OpenedBlock, checksum_of
from nbflow.model.shapes import is_list, is_mapping

#: how a block inside another says what it is, where it was not saved by itself
_TYPE, _CHECKSUM = "block_type_slug", "block_schema_checksum"


# -- out --------------------------------------------------------------------------------------
def data_of(block: Any) -> dict[str, Any]:
    """Give a block's fields as JSON, secrets in plain. Raises InvalidInput naming the field."""
    dumped = block.model_dump(mode="json", by_alias=False, warnings=False)
    return {
        name: _told(dumped[name], getattr(block, name), name)
        for name in type(block).model_fields
        if name in dumped
    }


def _told(dumped: Any, value: Any, at: str) -> Any:
    """Give a dumped value with its secrets, and with blocks as references or spelled out."""
    if hasattr(type(value), "get_block_type_slug"):
        return _nested(value)
    if hasattr(type(value), "get_secret_value"):
        return _plain(value.get_secret_value(), at)
    if isinstance(value, BaseModel) and is_mapping(dumped):
        return {name: _told(item, getattr(value, name, None), f"{at}.{name}")
                for name, item in dumped.items()}  # fmt: skip
    if isinstance(value, Mapping) and is_mapping(dumped):
        items = cast("Mapping[Any, Any]", value)
        by_text = {str(key): item for key, item in items.items()}
        return {name: _told(item, by_text.get(name), f"{at}.{name}")
                for name, item in dumped.items()}  # fmt: skip
    if isinstance(value, (list, tuple)) and is_list(dumped):
        items = zip(dumped, cast("list[Any]", value), strict=True)
        return [_told(item, each, f"{at}.{n}") for n, (item, each) in enumerate(items)]
    return dumped


def _nested(block: Any) -> dict[str, Any]:
    if block._block_document_id is not None:
        return reference(block._block_document_id)
    made = type(block)
    checksum = checksum_of(schema_of(made))
    return {_TYPE: made.get_block_type_slug(), _CHECKSUM: checksum, **data_of(block)}


def _plain(value: Any, at: str) -> Any:
    try:
        return to_jsonable_python(value)
    except (ValueError, TypeError):
        raise InvalidInput(
            f"The secret {at} cannot be kept: it is neither JSON nor UTF-8.",
            code="block.json",
            field=f"data.{at}",
            hint="Keep bytes as base64.",
        ) from None


# -- in ---------------------------------------------------------------------------------------
def made_of(opened: OpenedBlock, wanted: type[Any], *, validate: bool) -> Any:
    """Make the object of a block that was opened.

    Raises InvalidInput: it is of another type, or does not fit its class any more.
    """
    return _Maker(opened.references, validate).of(opened.document, [wanted])


class _Maker:
    """Makes objects of one answer's documents."""

    def __init__(self, documents: Mapping[str, BlockDocument], validate: bool) -> None:
        self.documents = documents
        self.validate = validate

    def of(self, document: BlockDocument, wanted: list[type[Any]]) -> Any:
        """Make the object of a document."""
        found = _pick(wanted, document.type_slug, document.schema_checksum, document.label)
        made = self._make(found, document.data, document.label)
        made._block_document_id = document.id
        made._block_document_name = document.name
        made._is_anonymous = document.name is None
        return made

    def _make(self, found: type[Any], data: Mapping[str, Any], label: str) -> Any:
        given: dict[str, Any] = {}
        for name, field in found.model_fields.items():
            if name in data:
                given[name] = self._value(data[name], block_classes(field.annotation), label)
        if not self.validate:
            return _made_as_it_is(found, given)
        try:
            return found.model_validate(given, by_name=True)
        except ValidationError as error:
            raise _outdated(error, label) from None

    def _value(self, value: Any, wanted: list[type[Any]], label: str) -> Any:
        document_id = referred(value)
        if document_id is not None and document_id in self.documents:
            return self.of(self.documents[document_id], wanted)
        if is_mapping(value) and _TYPE in value:
            data = {k: v for k, v in value.items() if k not in (_TYPE, _CHECKSUM)}
            found = _pick(wanted, value[_TYPE], value.get(_CHECKSUM), label)
            return self._make(found, data, label)
        if is_mapping(value):
            return {key: self._value(item, wanted, label) for key, item in value.items()}
        if is_list(value):
            return [self._value(item, wanted, label) for item in value]
        return value


def _pick(wanted: list[type[Any]], slug: str, checksum: str | None, label: str) -> type[Any]:
    """Give the class of those wanted that a document is of: by its schema, else by its type."""
    concrete = [one for one in wanted if not one.is_abstract()]
    same = [one for one in concrete if one.get_block_type_slug() == slug]
    exact = [one for one in same if checksum_of(schema_of(one)) == checksum]
    if exact or same:
        return (exact or same)[0]
    found = registry.class_of(slug)
    if not wanted or issubclass(found, tuple(wanted)):
        return found
    names = " or ".join(one.get_block_type_slug() for one in wanted)
    raise InvalidInput(
        f"The block {label} is of the type {slug}, not {names}.",
        code="block.type",
        field="name",
        hint=f"Load it with {found.__name__}.load or Block.load.",
    )


def _made_as_it_is(found: type[Any], given: Mapping[str, Any]) -> Any:
    """Make an object without asking whether it is whole; fields that fit have their types."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            field = found.model_fields[name]
            values[name] = TypeAdapter(field.annotation).validate_python(value)
        except ValidationError:
            values[name] = value
    return found.model_construct(**values)


def _outdated(error: ValidationError, label: str) -> InvalidInput:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    missing = [".".join(map(str, one["loc"])) for one in wrong if one["type"] == "missing"]
    said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong[:5])
    what = f"lacks {', '.join(missing)}, which its type needs now" if missing else (
        f"does not fit its type any more: {said}"
    )  # fmt: skip
    return InvalidInput(
        f"The block {label} {what}.",
        code="block.outdated",
        field=f"data.{'.'.join(map(str, wrong[0]['loc']))}",
        hint="Load it with validate=False, set what is wrong, save it with overwrite=True.",
    )
