"""`Block`: the class from which all blocks come."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from nbflow import connect, context
from nbflow.blocks import fields, registry, stored
from nbflow.exceptions import InvalidInput
from nbflow.model import masking
from nbflow.model.block_secrets import referred
from nbflow.model.blocks import NewBlock, NewBlockSchema, NewBlockType, checksum_of
from nbflow.model.names import shown

_NO_SLUG = re.compile(r"[^a-z0-9]+")


class Block(BaseModel):
    """Typed configuration that is saved by name and loaded anywhere; secrets are encrypted.

    A class of its own fields is a block type. What else is said of a type:

    Attributes:
        _block_type_name: how people name it; the class's name when left out.
        _block_type_slug: how it is asked for; the name in lower case with dashes when left out.
        _logo_url, _documentation_url, _description, _code_example: shown where it is chosen.
        _block_schema_version: a word for people; schemas are told apart by their fields.
        block_schema_capabilities: what it can do; those of the classes above it count as well.
    """

    model_config = ConfigDict(extra="forbid", validate_by_name=True)

    _block_type_name: ClassVar[str | None] = None
    _block_type_slug: ClassVar[str | None] = None
    _logo_url: ClassVar[Any] = None
    _documentation_url: ClassVar[Any] = None
    _description: ClassVar[str | None] = None
    _code_example: ClassVar[str | None] = None
    _block_schema_version: ClassVar[str] = "0"
    _block_schema_capabilities: ClassVar[list[str]] = []
    block_schema_capabilities: ClassVar[list[str]] = []

    _block_document_id: str | None = PrivateAttr(default=None)
    _block_document_name: str | None = PrivateAttr(default=None)
    _is_anonymous: bool = PrivateAttr(default=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Note the class, so that blocks of its type find it."""
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.is_abstract():
            registry.define(cls.get_block_type_slug(), cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        """Give the schema of the fields, or within another's the name of the type."""
        if fields.making.get() is cls:
            return handler(core_schema)
        return fields.named(cls, abstract=cls.is_abstract())

    @model_validator(mode="wrap")
    @classmethod
    def _load_reference(cls, value: Any, handler: Any) -> Any:
        """Take a reference to a saved block for that block."""
        return handler(value) if referred(value) is None else cls.load_from_ref(value)

    # -- what it is ---------------------------------------------------------------------------
    @classmethod
    def is_abstract(cls) -> bool:
        """Say whether there are no blocks of this class itself."""
        return cls is Block or inspect.isabstract(cls)

    @classmethod
    def get_block_type_name(cls) -> str:
        """Give the type's name."""
        return vars(cls).get("_block_type_name") or cls.__name__

    @classmethod
    def get_block_type_slug(cls) -> str:
        """Give the type's slug."""
        own = vars(cls).get("_block_type_slug")
        return own or _NO_SLUG.sub("-", cls.get_block_type_name().lower()).strip("-")

    @classmethod
    def get_block_capabilities(cls) -> frozenset[str]:
        """Give what blocks of this class can do."""
        names = ("block_schema_capabilities", "_block_schema_capabilities")
        return frozenset(
            word for one in cls.__mro__ for name in names for word in vars(one).get(name, ())
        )

    @classmethod
    def get_block_schema_checksum(cls) -> str:
        """Give the checksum of the fields' schema."""
        return checksum_of(fields.schema_of(cls))

    @classmethod
    def block_type(cls) -> NewBlockType:
        """Give the type as it is registered."""
        description = cls._description or vars(cls).get("__doc__") or ""
        logo, documentation = cls._logo_url, cls._documentation_url
        return NewBlockType(
            slug=cls.get_block_type_slug(),
            name=cls.get_block_type_name(),
            description=inspect.cleandoc(description),
            code_example=inspect.cleandoc(cls._code_example or ""),
            logo_url=None if logo is None else str(logo),
            documentation_url=None if documentation is None else str(documentation),
        )

    @classmethod
    def block_schema(cls) -> NewBlockSchema:
        """Give the schema as it is registered."""
        capabilities = tuple(sorted(cls.get_block_capabilities()))
        slug = cls.get_block_type_slug()
        return NewBlockSchema(slug, fields.schema_of(cls), capabilities, cls._block_schema_version)

    @classmethod
    def register_type_and_schema(cls) -> None:
        """Make the type known, with those of the blocks it holds, so that forms offer it.

        Raises InvalidInput: the class is abstract, or says what cannot be kept.
        """
        if cls.is_abstract():
            message = f"{cls.__name__} is abstract: register the classes made from it."
            raise InvalidInput(message, code="block.abstract")
        for field in cls.model_fields.values():
            for inside in fields.block_classes(field.annotation):
                if inside is not cls and not inside.is_abstract():
                    inside.register_type_and_schema()
        backend = connect.connect()
        backend.register_block_type(cls.block_type())
        backend.register_block_schema(cls.block_schema())

    # -- saving -------------------------------------------------------------------------------
    def save(self, name: str | None = None, overwrite: bool = False) -> str:
        """Save the block by name, its secrets encrypted; give its document's id.

        Blocks in its fields that were saved are referred to: who loads this one later sees what
        they are then. Those that were not saved become part of it.

        Args:
            name: lower-case letters, digits and dashes; left out: the one it was loaded by.
            overwrite: also when there is one of that name; else Conflict.

        Raises InvalidInput naming the field, Conflict.
        """
        name = name or self._block_document_name
        if name is None:
            raise InvalidInput("A block is saved by a name.", code="block.name", field="name")
        return self._save(name, overwrite=overwrite)

    def _save(
        self, name: str | None = None, *, is_anonymous: bool = False, overwrite: bool = False
    ) -> str:
        """Save the block; `is_anonymous`: without a name, for nbflow's own use."""
        cls = type(self)
        cls.register_type_and_schema()
        new = NewBlock(
            cls.get_block_type_slug(),
            None if is_anonymous else name,
            stored.data_of(self),
            cls.get_block_schema_checksum(),
            overwrite,
        )
        kept = connect.connect().save_block(new)
        self._block_document_id, self._block_document_name = kept.id, kept.name
        self._is_anonymous = is_anonymous
        return kept.id

    def saved_as(self) -> str | None:
        """Give how it is named, `slug/name`; None: it was not saved by a name."""
        name = self._block_document_name
        return None if name is None else f"{type(self).get_block_type_slug()}/{name}"

    # -- loading ------------------------------------------------------------------------------
    @classmethod
    def load(cls, name: str, validate: bool = True) -> Self:
        """Load a block by its name; its secrets are masked in all this process tells from now on.

        Args:
            name: `Type.load("name")`, or `Block.load("slug/name")`.
            validate: False: also one that does not fit its class any more, to mend and save it.

        Raises NotFound, InvalidInput (another type, outdated), Conflict (its key is lost).
        """
        return cls._open(cls._named(name), validate)

    @classmethod
    def load_from_ref(cls, ref: str | Mapping[str, Any], validate: bool = True) -> Self:
        """Load a block by a reference: `{"block_document_id": …}`, `slug/name`, or an id."""
        inside: Any = ref.get("$ref", ref) if isinstance(ref, Mapping) else ref
        if isinstance(inside, Mapping):
            said = cast("Mapping[str, Any]", inside)
            inside = said.get("block_document_id") or said.get("block_document_slug")
        if not isinstance(inside, str):
            raise InvalidInput(
                f"{shown(ref)} refers to no block.",
                code="block.reference",
                field="ref",
                hint='Say {"block_document_id": ID}, or SLUG/NAME.',
            )
        return cls._open(inside, validate)

    @classmethod
    def delete(cls, name: str) -> None:
        """Delete a block by its name. Raises NotFound, Conflict (others refer to it)."""
        connect.connect().delete_block(cls._named(name))

    @classmethod
    def _open(cls, name_or_id: str, validate: bool) -> Self:
        opened = connect.connect().open_block(name_or_id, flow_run_id=context.flow_run_id())
        for secret in opened.secrets:
            masking.register_within(secret)
        return stored.made_of(opened, cls, validate=validate)

    @classmethod
    def _named(cls, name: str) -> str:
        if not isinstance(name, str) or not name:
            raise InvalidInput(f"{shown(name)} names no block.", code="block.name", field="name")
        if "/" in name:
            return name
        if cls.is_abstract():
            raise InvalidInput(
                f"{shown(name)} names no block: its type is not said.",
                code="block.name",
                field="name",
                hint=f"Say SLUG/NAME, as in {cls.__name__}.load('secret/{name}').",
            )
        return f"{cls.get_block_type_slug()}/{name}"

    # -- without stopping the event loop ------------------------------------------------------
    @classmethod
    async def aregister_type_and_schema(cls) -> None:
        """Register without stopping the event loop: see `register_type_and_schema`."""
        await asyncio.to_thread(cls.register_type_and_schema)

    async def asave(self, name: str | None = None, overwrite: bool = False) -> str:
        """Save without stopping the event loop: see `save`."""
        return await asyncio.to_thread(self.save, name, overwrite)

    @classmethod
    async def aload(cls, name: str, validate: bool = True) -> Self:
        """Load without stopping the event loop: see `load`."""
        return await asyncio.to_thread(cls.load, name, validate)

    @classmethod
    async def aload_from_ref(cls, ref: str | Mapping[str, Any], validate: bool = True) -> Self:
        """Load without stopping the event loop: see `load_from_ref`."""
        return await asyncio.to_thread(cls.load_from_ref, ref, validate)

    @classmethod
    async def adelete(cls, name: str) -> None:
        """Delete without stopping the event loop: see `delete`."""
        await asyncio.to_thread(cls.delete, name)
