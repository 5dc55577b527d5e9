"""Results: values kept by key, so that another process, a later attempt or a person finds them.

A value of a few KB is kept inside its record, a larger one in one file; what is read is checked by
size and sha256, so that a damaged file is an error and never a wrong value. When a run's value is
kept, and under which key, is `engine.keeping`'s business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from nbflow import connect, settings
from nbflow.exceptions import (
    InvalidInput,
    MissingResult,
    NotFound,
    NotStored,
    SerializationError,
)
from nbflow.locking import LockManager
from nbflow.model import clock, masking, previews, rows
from nbflow.model import results as model
from nbflow.model.results import MOST_INLINE_BYTES, Pruned
from nbflow.model.runs import Batch
from nbflow.serializers import Serializer, culprit, serializer_of
from nbflow.store import mirroring, result_files
from nbflow.store.files_read import FilesRead
from nbflow.store.result_files import Folder

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

__all__ = ["Pruned", "ResultRecord", "ResultStore", "get_result_store", "prune"]

T = TypeVar("T")

_SMALL = frozenset({type(None), bool, int, float, str})


@dataclass(frozen=True)
class ResultRecord:
    """A kept value and what is known of it.

    Attributes:
        result: the value.
        metadata: key, time, runs, serializer, size, sha256, expiry.
    """

    result: Any
    metadata: model.ResultRecord


# -- making and reading -------------------------------------------------------------------------
def make(
    value: Any,
    *,
    key: str,
    serializer: Serializer,
    folder: Folder | None = None,
    flow_run_id: str | None = None,
    task_run_id: str | None = None,
    expires_at: datetime | None = None,
    task_key: str | None = None,
    call: str | None = None,
    parts: dict[str, str] | None = None,
    most: int | None = None,
) -> model.ResultRecord:
    """Write a value, and give its record; with a folder or much of it, a file is written.

    Raises NotStored for a value that cannot be kept, OSError or NbflowError for a storage that
    cannot take it.
    """
    data = packed(value, serializer, settings.result_max_bytes if most is None else most)
    size = len(data)
    inline = folder is None and size <= MOST_INLINE_BYTES
    # As a row, which nobody reads here: the record itself would cost four times as much.
    record = rows.result((
        key, clock.now_micros(), flow_run_id, task_run_id, serializer.name, size,
        sha256(data).hexdigest(), data if inline else None, None, rows.micros(expires_at), task_key,
        call, None if parts is None else rows.dumps(dict(parts)), previews.preview(value),
    ))  # fmt: skip
    if inline:
        return record
    if folder is not None:
        return replace(record, location=_write_folder(record, data, folder))
    return replace(record, location=result_files.write_home(data, run_of(key)))


def packed(value: Any, serializer: Serializer, most: int) -> bytes:
    """Give a value's bytes, `most` of them. Raises NotStored naming the part that has none."""
    if type(value) not in _SMALL:
        about = len(value) if type(value) is bytes else getattr(value, "nbytes", 0)
        if isinstance(about, int) and about > most:
            raise _too_large(value, about, most)
    try:
        data = serializer.dumps(value)
    except InvalidInput:
        raise
    except Exception as error:
        raise _unserialisable(value, serializer, error) from error
    if len(data) > most:
        raise _too_large(value, len(data), most)
    if masking.within(data):
        raise NotStored(
            f"{_kind(value)}, which holds a secret",
            code="result.secret",
            hint="Load the secret where it is used, or say persist_result=False.",
        )
    return data


def load(record: model.ResultRecord) -> Any:
    """Give a record's value. Raises DamagedResult, ResultGone, MissingResult (unreadable here)."""
    data = record.data
    if data is None:
        data = _fetched.get(record.sha256) or _fetch(record)
    else:
        result_files.checked(data, record)
    try:
        return serializer_of(record.serializer).loads(data)
    except Exception as error:
        raise MissingResult(
            f"The result {record.key} cannot be read here: {type(error).__name__}: {error}.",
            code="result.unreadable",
            hint="Install or define what its value is made of.",
        ) from error


def fetch(record: model.ResultRecord) -> Any:
    """Give a record's value, also of one that was listed without its data. Raises as `load`."""
    listed = record.data is None and record.location is None
    return of_key(record.key) if listed else load(record)


def of_key(key: str) -> Any:
    """Give the value a run stored under a key: what a state that was read back asks for.

    Raises MissingResult, DamagedResult, ResultGone.
    """
    try:
        record = connect.connect().read_result(key)
    except NotFound:
        raise MissingResult(
            f"The result {key} is not in the store.",
            hint=f"Results are kept for {settings.result_days:g} days (NBFLOW_RESULT_DAYS), and "
            "those of a transaction once it commits.",
        ) from None
    return load(record)


def usable(record: model.ResultRecord) -> bool:
    """Say whether a record's value can be had: it has not expired, and its file is there."""
    if record.expires_at is not None and record.expires_at <= clock.now():
        return False
    location = record.location
    if location is None or result_files.is_address(location):
        return True
    return mirroring.fetch_result(connect.connect(), record)


def run_of(key: str) -> str | None:
    """Give the flow run a key belongs to; None for one that all runs may use."""
    run, dot, _ = key.partition(".")
    return run if (dot and len(run) == 36) or len(key) == 36 else None


def _write_folder(record: model.ResultRecord, data: bytes, folder: Folder) -> str:
    name = result_files.name_of(record.key)
    folder.write(name, result_files.framed(record, data))
    return folder.location(name)


def _fetch(record: model.ResultRecord) -> bytes:
    assert record.location is not None
    if not result_files.is_address(record.location):
        mirroring.fetch_result(connect.connect(), record)
    data = result_files.checked(result_files.read(record.location), record)
    _fetched.put(record.sha256, data)
    return data


_fetched = FilesRead()


# -- what cannot be kept ------------------------------------------------------------------------
def _too_large(value: Any, size: int, most: int) -> NotStored:
    return NotStored(
        f"{_kind(value)} of {size:,} bytes; {most:,} is the most.",
        code="result.too_large",
        hint="Return a path to it, or raise NBFLOW_RESULT_MAX_BYTES.",
    )


def _unserialisable(value: Any, serializer: Serializer, error: Exception) -> NotStored:
    hint = "Return what can be serialised."
    if isinstance(error.__cause__ or error, RecursionError):
        return NotStored(f"{_kind(value)}, nested too deeply", hint=hint)
    part, at = culprit(value, serializer)
    where = f" at {at}" if at else ""
    said = f" ({error})" if isinstance(error, SerializationError) else ""
    return NotStored(f"{_kind(part)}{where}{said}", hint=hint)


def _kind(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


# -- the store ----------------------------------------------------------------------------------
class ResultStore:
    """Values by key. Works by itself, and is what runs keep their results in.

    Args:
        result_storage: None: the home folder, its records in nbflow's store. A path, or an fsspec
            address (`memory://…`, `s3://…`): files that tell about themselves, which another
            machine finds with no database.
        serializer: `pickle`, `json`, `compressed/…`, or a Serializer.
        lock_manager: for `acquire_lock` and SERIALIZABLE transactions.
        metadata_storage: a path or address for the records alone, apart from the bytes.

    Raises InvalidInput.
    """

    def __init__(
        self,
        result_storage: Any = None,
        *,
        serializer: str | Serializer | None = None,
        lock_manager: LockManager | None = None,
        metadata_storage: Any = None,
        backend: Backend | None = None,
    ) -> None:
        self.serializer = serializer_of(serializer)
        self.folder = folder_of(result_storage)
        self.metadata_folder = folder_of(metadata_storage, field="key_storage")
        if self.metadata_folder is not None and self.folder is None:
            home = settings.ensure_home() / result_files.HOME_FOLDER / result_files.SHARED
            self.folder = Folder(str(home))
        self.lock_manager = lock_manager
        self._backend = backend
        self.max_bytes: int = settings.result_max_bytes  # asking costs as much as storing a number

    @property
    def backend(self) -> Backend:
        """Give the authority that keeps the records."""
        return connect.connect() if self._backend is None else self._backend

    # -- values -----------------------------------------------------------------------------------
    def read(self, key: str) -> ResultRecord:
        """Read the value of a key. Raises NotFound (also once expired), DamagedResult."""
        record = self.find(key)
        if record is None:
            raise NotFound(f"There is no result {key!r}.", field="key")
        return ResultRecord(load(record), record)

    def write(
        self, key: str, obj: Any, expiration: datetime | timedelta | None = None
    ) -> ResultRecord:
        """Keep a value; an older one of the same key is replaced. Raises NotStored."""
        _check_key(key)
        until = clock.now() + expiration if isinstance(expiration, timedelta) else expiration
        record = self.make(obj, key=key, expires_at=until)
        self.put(record)
        return ResultRecord(obj, record)

    def exists(self, key: str) -> bool:
        """Say whether there is a result of a key that has not expired."""
        return self.find(key) is not None

    def delete(self, key: str) -> None:
        """Forget the result of a key. Raises NotFound."""
        record = self.look(key)
        if record is None:
            raise NotFound(f"There is no result {key!r}.", field="key")
        name = result_files.name_of(key)
        for folder in (self.metadata_folder, self.folder):
            if folder is not None:
                folder.delete(name)
        if self.by_record:
            self.backend.delete_result(key)

    async def aread(self, key: str) -> ResultRecord:
        """Read the value of a key without stopping the event loop. Raises as `read`."""
        return await _in_thread(lambda: self.read(key))

    async def awrite(
        self, key: str, obj: Any, expiration: datetime | timedelta | None = None
    ) -> ResultRecord:
        """Keep a value without stopping the event loop. Raises NotStored."""
        return await _in_thread(lambda: self.write(key, obj, expiration))

    async def aexists(self, key: str) -> bool:
        """Say whether there is a result of a key, without stopping the event loop."""
        return await _in_thread(lambda: self.exists(key))

    # -- records ----------------------------------------------------------------------------------
    @property
    def by_record(self) -> bool:
        """Say whether the records lie in nbflow's store, and not in files."""
        return self.folder is None

    def make(self, value: Any, *, key: str, **said: Any) -> model.ResultRecord:
        """Write a value's bytes, and give its record, which `put` then makes known."""
        return make(
            value,
            key=key,
            serializer=self.serializer,
            folder=self.folder,
            most=self.max_bytes,
            **said,
        )

    def put(self, record: model.ResultRecord) -> None:
        """Make a record known under its key."""
        if self.metadata_folder is not None:
            name = result_files.name_of(record.key)
            self.metadata_folder.write(name, result_files.framed(record, b""))
        elif self.folder is None:
            self.backend.record(Batch(results=(record,)))

    def find(self, key: str) -> model.ResultRecord | None:
        """Give the record of a key whose value can be had: not expired, its file still there."""
        record = self.look(key)
        return record if record is not None and usable(record) else None

    def look(self, key: str) -> model.ResultRecord | None:
        """Give the record of a key, expired or not; None: there is none."""
        folder = self.metadata_folder or self.folder
        try:
            if folder is None:
                return self.backend.read_result(key)
            name = result_files.name_of(key)
            record, data = result_files.split(folder.read(name), folder.location(name))
        except NotFound:
            return None
        if data:
            _fetched.put(record.sha256, result_files.checked(data, record))
        return record

    # -- locks ------------------------------------------------------------------------------------
    def acquire_lock(
        self, key: str, holder: str | None = None, timeout: float | None = None
    ) -> bool:
        """Take the lock of a key, waiting for it; say whether it was taken."""
        return self._locks().acquire_lock(key, holder or self._holder(), acquire_timeout=timeout)

    def release_lock(self, key: str, holder: str | None = None) -> None:
        """Give the lock of a key back."""
        self._locks().release_lock(key, holder or self._holder())

    def is_locked(self, key: str) -> bool:
        """Say whether anybody holds the lock of a key."""
        return self._locks().is_locked(key)

    def is_lock_holder(self, key: str, holder: str | None = None) -> bool:
        """Say whether this store, or the holder, holds the lock of a key."""
        return self._locks().is_lock_holder(key, holder or self._holder())

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds the lock of a key; say whether it is free."""
        return self._locks().wait_for_lock(key, timeout)

    def _locks(self) -> LockManager:
        if self.lock_manager is None:
            raise InvalidInput(
                "This result store has no lock manager.",
                code="lock.missing",
                field="lock_manager",
                hint="Give it `lock_manager=MemoryLockManager()`, or a FileSystemLockManager.",
            )
        return self.lock_manager

    def _holder(self) -> str:
        return f"store-{id(self)}"


def get_result_store() -> ResultStore:
    """Give the store of the run around this code; the home folder's outside any run."""
    from nbflow import context

    here = context.here()
    keeper = None if here is None else here.flow_context.keeper
    return ResultStore() if keeper is None else keeper.store_of(here)


def folder_of(said: Any, *, field: str = "result_storage") -> Folder | None:
    """Give the folder of a path or address; None stays None. Raises InvalidInput."""
    if said is None or isinstance(said, Folder):
        return said
    text = said if isinstance(said, str) else getattr(said, "__fspath__", lambda: None)()
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InvalidInput(
            f"{field} is {previews.preview(said)}; it must be a path or an address.",
            field=field,
            hint="Write a folder, 'memory://name', or 's3://bucket/folder'.",
        )
    return Folder(text)


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or not key or len(key) > 2000:
        raise InvalidInput("A result's key is a text of 1 to 2000 characters.", field="key")


async def _in_thread(work: Callable[[], T]) -> T:
    import asyncio

    return await asyncio.to_thread(work)


# -- retention ----------------------------------------------------------------------------------
def prune(older_than: timedelta | None = None, *, dry_run: bool = False) -> Pruned:
    """Delete results older than so long (the setting `result_days` when left out), and stray files.

    With `dry_run` nothing is deleted; what would be is told.
    """
    age = timedelta(days=settings.result_days) if older_than is None else older_than
    if age < timedelta(0):
        raise InvalidInput("older_than is less than nothing.", field="older_than")
    return connect.connect().prune_results(clock.now() - age, dry_run=dry_run)
