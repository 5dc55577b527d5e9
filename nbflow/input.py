"""Inputs as Python has them: models a paused run asks for, and messages between running flows.

`RunInput` is a pydantic model; `wait_for_input=int` asks for one field, `value`. The authority
checks an answer by the model's JSON schema before the run goes on; validators written in Python run
in the flow. How a run waits is `nbflow.flow_runs`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Collection, Generator, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pydantic
from pydantic.fields import FieldInfo

from nbflow import connect, context
from nbflow.exceptions import InvalidInput, MissingContextError, NbflowError
from nbflow.model import clock, inputs
from nbflow.model.backend import Backend
from nbflow.model.ids import uuid7
from nbflow.model.names import shown

T = TypeVar("T")
M = TypeVar("M", bound="RunInput")

#: how often a server is asked whether something came; a store on this machine tells of it at once
POLL_SECONDS = 0.5
_SENDER = "nbflow.flow-run."


class RunInputMetadata(pydantic.BaseModel):
    """What is known of an input that was received.

    Attributes:
        key: the key it was sent under.
        sender: `nbflow.flow-run.ID` when a run sent it.
        receiver: the id of the run it was sent to.
    """

    key: str
    sender: str | None = None
    receiver: str


class RunInput(pydantic.BaseModel):
    """A model of what a run is told: the answer to a pause, or a message of another run."""

    model_config = pydantic.ConfigDict(extra="forbid")

    _description: ClassVar[str | None] = None
    _metadata: RunInputMetadata | None = pydantic.PrivateAttr(default=None)

    @property
    def metadata(self) -> RunInputMetadata:
        """Give who sent it, and how. Raises MissingContextError for one that was not received."""
        if self._metadata is None:
            raise MissingContextError("This input was made here; it was not received.")
        return self._metadata

    @classmethod
    def with_initial_data(cls: type[M], description: str | None = None, **defaults: Any) -> type[M]:
        """Give the model with other defaults, which fill in the form, and a text above it.

        Args:
            description: Markdown.
            defaults: values of fields. Raises InvalidInput for a name that is no field.
        """
        unknown = sorted(set(defaults) - set(cls.model_fields))
        if unknown:
            raise InvalidInput(
                f"{cls.__name__} has no field {unknown[0]!r}.",
                field=unknown[0],
                hint=f"It has {', '.join(cls.model_fields)}.",
            )
        fields: dict[str, Any] = {
            name: _with_default(cls.model_fields[name], value) for name, value in defaults.items()
        }
        made = pydantic.create_model(cls.__name__, __base__=cls, **fields)
        made._description = description if description is not None else cls._description
        return made

    @classmethod
    def receive(
        cls: type[M],
        timeout: float | None = 3600,
        poll_interval: float = POLL_SECONDS,
        raise_timeout_error: bool = False,
        exclude_keys: Collection[str] | None = None,
        key_prefix: str | None = None,
        flow_run_id: str | None = None,
    ) -> Receiver[M]:
        """Give the inputs of this type that were and will be sent to a run (this one), in order.

        Iterate over it, with `for` or `async for`, or call `next()`.

        Args:
            timeout: seconds to wait for the next one; then the iteration ends. None: for ever.
            poll_interval: seconds between two looks, where a change is not told of by itself.
            raise_timeout_error: raise TimeoutError then instead.
            exclude_keys: keys not to receive again.
            key_prefix: how the keys begin; the type's own name when left out.
            flow_run_id: the run that is listened for.
        """
        return Receiver(
            cls, cls, timeout, poll_interval, raise_timeout_error, exclude_keys, key_prefix,
            flow_run_id,
        )  # fmt: skip

    def send_to(
        self, flow_run_id: str, sender: str | None = None, key_prefix: str | None = None
    ) -> None:
        """Send this to a run. Raises NotFound, InvalidInput (too large)."""
        prefix = key_prefix or _prefix(type(self))
        _send(prefix, self.model_dump(mode="json"), flow_run_id, sender)

    def respond(
        self, run_input: Any, sender: str | None = None, key_prefix: str | None = None
    ) -> None:
        """Send something back to the run that sent this. Raises MissingContextError if none did."""
        came_from = self.metadata.sender or ""
        if not came_from.startswith(_SENDER):
            raise MissingContextError(
                f"No run sent this input (its sender is {shown(came_from)}).",
                hint="Only what a flow sends can be responded to.",
            )
        send_input(run_input, came_from.removeprefix(_SENDER), sender, key_prefix)


class AutomaticRunInput(RunInput, Generic[T]):
    """An input of a type that is no model: one field, `value`."""

    value: T


class Receiver(Generic[T]):
    """The inputs of one type sent to one run, as they come."""

    def __init__(
        self,
        kind: Any,
        model: type[RunInput],
        timeout: float | None,
        poll_interval: float,
        raise_timeout_error: bool,
        exclude_keys: Collection[str] | None,
        key_prefix: str | None,
        flow_run_id: str | None,
        *,
        with_metadata: bool = True,
    ) -> None:
        self.flow_run_id = flow_run_id or _here()
        self.seen_keys = set(exclude_keys or ())
        self._bare = not (with_metadata or _is_model(kind))
        self._model = model
        self._timeout = timeout
        self._poll = poll_interval
        self._raise = raise_timeout_error
        self._prefix = f"{key_prefix or _prefix(model)}-"
        self._after: str | None = None
        self._came: list[inputs.RunInput] = []

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return self.next()
        except TimeoutError:
            if self._raise:
                raise
            raise StopIteration from None

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.anext()
        except TimeoutError:
            if self._raise:
                raise
            raise StopAsyncIteration from None

    def next(self) -> T:
        """Wait for the next one. Raises TimeoutError, InvalidInput (it does not fit the type)."""
        return connect.wait_out(self._waiting(), rest)

    async def anext(self) -> T:
        """Wait for the next one."""
        return await connect.await_out(self._waiting(), lambda: rest(0.0))

    def _waiting(self) -> Generator[float, None, T]:
        backend = connect.connect()
        until = None if self._timeout is None else clock.monotonic() + self._timeout
        rests = connect.Rests(backend, self._poll)
        try:
            while (came := self._next(backend)) is None:
                if until is not None and clock.monotonic() >= until:
                    raise TimeoutError(f"Nothing was sent to the run in {self._timeout} s.")
                yield from rests.rest()
        finally:
            rests.close()
        return self._value(came)

    def _next(self, backend: Backend) -> inputs.RunInput | None:
        while True:
            while self._came:
                came = self._came.pop(0)
                self._after = came.id
                if came.key not in self.seen_keys:
                    self.seen_keys.add(came.key)
                    return came
            found = backend.list_inputs(self.flow_run_id, prefix=self._prefix, after=self._after)
            if not found:
                return None
            self._came = list(found)

    def _value(self, came: inputs.RunInput) -> T:
        made: Any = _validated(self._model, came.value, what="What was sent")
        made._metadata = RunInputMetadata(
            key=came.key, sender=came.sender, receiver=self.flow_run_id
        )
        return made.value if self._bare else made


def receive_input(
    input_type: Any,
    timeout: float | None = 3600,
    poll_interval: float = POLL_SECONDS,
    raise_timeout_error: bool = False,
    exclude_keys: Collection[str] | None = None,
    key_prefix: str | None = None,
    flow_run_id: str | None = None,
    with_metadata: bool = False,
) -> Receiver[Any]:
    """Give the inputs of a type sent to a run (this one), as `RunInput.receive` does.

    With `with_metadata`, each is an object with `value`, `metadata` and `respond`, also where the
    type is no model.
    """
    return Receiver(
        input_type, model_of(input_type), timeout, poll_interval, raise_timeout_error, exclude_keys,
        key_prefix, flow_run_id, with_metadata=with_metadata,
    )  # fmt: skip


def send_input(
    run_input: Any, flow_run_id: str, sender: str | None = None, key_prefix: str | None = None
) -> None:
    """Send a value to a run: a `RunInput`, or anything pydantic can write as JSON.

    Args:
        sender: who sends it; the run around this code when left out.
        key_prefix: how its key begins; the type's own name when left out.

    Raises NotFound, InvalidInput (not JSON, too large).
    """
    model: Any = type(run_input) if isinstance(run_input, RunInput) else None
    if model is None and isinstance(run_input, pydantic.BaseModel):
        model = type(run_input)
    try:
        value = pydantic.TypeAdapter(type(run_input)).dump_python(run_input, mode="json")
    except (ValueError, TypeError, pydantic.errors.PydanticUserError) as error:
        raise InvalidInput(
            f"{shown(run_input)} cannot be sent: {error}", code="input.unsupported", field="value"
        ) from None
    prefix = key_prefix or _prefix(model or model_of(type(run_input)))
    _send(prefix, value if model else {"value": value}, flow_run_id, sender)


async def asend_input(
    run_input: Any, flow_run_id: str, sender: str | None = None, key_prefix: str | None = None
) -> None:
    """Send a value to a run, without holding up the event loop (as `send_input`)."""
    import asyncio

    await asyncio.to_thread(send_input, run_input, flow_run_id, sender, key_prefix)


# -- the question and the answer of a pause ---------------------------------------------------
def model_of(kind: Any) -> type[Any]:
    """Give the model of a type that is asked for: itself, or one with the field `value`."""
    if _is_model(kind):
        return kind
    try:
        made = pydantic.create_model(
            f"{_name(kind)}_input", __base__=AutomaticRunInput, value=(kind, ...)
        )
        made.model_json_schema()
    except pydantic.errors.PydanticUserError as error:
        raise InvalidInput(
            f"{shown(kind)} cannot be asked for: {str(error).splitlines()[0]}",
            field="wait_for_input",
            hint="Ask for a pydantic model, or a type JSON can carry, such as int or list[str].",
        ) from None
    return made


def question(kind: Any) -> Mapping[str, Any]:
    """Give what a pause says of the input it asks for, as its state keeps it."""
    model = model_of(kind)
    description = getattr(model, "_description", None)
    return {"schema": model.model_json_schema(), "description": description}


def answer(kind: Any, value: Any) -> Any:
    """Give an answer as the flow gets it: the model, or the bare value. Raises InvalidInput."""
    model = model_of(kind)
    made = _validated(model, value, what="The answer")
    return made if model is kind else made.value


def plain(run_input: Any) -> Mapping[str, Any] | None:
    """Give what a person passes to `resume_flow_run` as JSON values by field."""
    if run_input is None:
        return None
    if isinstance(run_input, pydantic.BaseModel):
        return run_input.model_dump(mode="json", exclude_unset=True)
    return run_input if isinstance(run_input, Mapping) else {"value": run_input}


def rest(seconds: float) -> None:
    """Let time pass; inside a run, raise as soon as it is told to stop."""
    here = context.here()
    if here is None:
        threading.Event().wait(seconds)
    else:
        here.flow_context.hold.pause(seconds)


def _validated(model: type[Any], value: Any, *, what: str) -> Any:
    try:
        return model.model_validate_json(json.dumps(value))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        at = f" in {field}" if field else ""
        raise InvalidInput(
            f"{what} is not taken{at}: {first['msg']}.", code="input.invalid", field=field
        ) from error


def _with_default(field: FieldInfo, value: Any) -> Any:
    """Give a field as `create_model` takes it: the same, with another default."""
    kept = {name: getattr(field, name) for name in ("title", "description", "alias", "examples")}
    annotation: Any = field.annotation
    for constraint in field.metadata:
        annotation = Annotated[annotation, constraint]
    return annotation, pydantic.Field(value, **kept)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def _name(kind: Any) -> str:
    said = getattr(kind, "__name__", None) if isinstance(kind, type) else None
    return "".join(c if c.isalnum() else "_" for c in (said or str(kind)))[:60]


def _prefix(model: type[Any]) -> str:
    return f"{model.__name__.lower()}-auto"


def _send(prefix: str, value: Any, flow_run_id: str, sender: str | None) -> None:
    given = inputs.RunInput(
        flow_run_id, f"{prefix}-{uuid7()}", value, sender if sender is not None else _me()
    )
    connect.connect().send_input(given)


def _me() -> str | None:
    try:
        return f"{_SENDER}{_here()}"
    except MissingContextError:
        return None


def _here() -> str:
    try:
        return context.get_run_context().flow_context.flow_run.id
    except NbflowError as error:
        raise MissingContextError(
            "There is no flow run here.", hint="Name one: flow_run_id=…"
        ) from error
