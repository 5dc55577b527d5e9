"""Transactions: tasks and code that count together or not at all.

    with transaction(key="load") as txn:
        if not txn.is_committed():
            ...

Values are staged inside and kept when the outermost transaction commits; when anything in it
raises, `on_rollback` hooks run, last first, and nothing is kept. A task run in a transaction is
one itself; how is `engine.keeping`'s work.
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token, copy_context
from enum import Enum
from typing import Any

from nbflow.exceptions import InvalidInput, Leaving, NbflowError
from nbflow.locking import IsolationLevel, holder_name

_log = logging.getLogger("nbflow.transactions")

Hook = Callable[..., Any]


class CommitMode(Enum):
    """When a transaction commits."""

    #: at its own end
    EAGER = "eager"
    #: with the transaction around it; the outermost at its end
    LAZY = "lazy"
    #: only when `commit()` is called
    OFF = "off"


class TransactionState(Enum):
    """Where a transaction stands."""

    PENDING = "pending"
    ACTIVE = "active"
    STAGED = "staged"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"


_here: ContextVar[Transaction | None] = ContextVar("nbflow_transaction", default=None)
_UNSET: Any = object()


class Transaction:
    """A group of tasks and code. Use it with `with` or `async with`.

    Attributes:
        key: names what it keeps; None: nothing is kept.
        state: where it stands.
        children: the transactions inside that have ended and wait for this one.
    """

    def __init__(
        self,
        key: str | None = None,
        store: Any = None,
        commit_mode: CommitMode | str | None = None,
        isolation_level: IsolationLevel | str | None = None,
        overwrite: bool = False,
        write_on_commit: bool = True,
        logger: Any = None,
    ) -> None:
        self.key = key
        self.store = store
        self._mode = _mode(commit_mode)
        self._level = None if isolation_level is None else IsolationLevel.of(isolation_level)
        self.overwrite = overwrite
        self.write_on_commit = write_on_commit
        self.logger = _log if logger is None else logger
        self.state = TransactionState.PENDING
        self.parent: Transaction | None = None
        self.children: list[Transaction] = []
        self.on_commit_hooks: list[Hook] = []
        self.on_rollback_hooks: list[Hook] = []
        self._value: Any = _UNSET
        self._scratch: dict[str, Any] = {}
        self._token: Token[Transaction | None] | None = None
        self._holder = ""

    # -- what code inside asks ------------------------------------------------------------------
    def is_pending(self) -> bool:
        """Say whether it has not begun."""
        return self.state is TransactionState.PENDING

    def is_active(self) -> bool:
        """Say whether it has begun, and nothing is staged."""
        return self.state is TransactionState.ACTIVE

    def is_staged(self) -> bool:
        """Say whether a value is staged."""
        return self.state is TransactionState.STAGED

    def is_committed(self) -> bool:
        """Say whether it is committed; at its beginning: whether its key was kept before."""
        return self.state is TransactionState.COMMITTED

    def is_rolled_back(self) -> bool:
        """Say whether it was undone."""
        return self.state is TransactionState.ROLLED_BACK

    @property
    def commit_mode(self) -> CommitMode:
        """Give when it commits: as said, else as the transaction around, else LAZY."""
        return self._mode or (self.parent.commit_mode if self.parent else CommitMode.LAZY)

    @property
    def isolation_level(self) -> IsolationLevel:
        """Give its isolation: as said, else as the transaction around, else READ_COMMITTED."""
        if self._level is not None:
            return self._level
        return self.parent.isolation_level if self.parent else IsolationLevel.READ_COMMITTED

    def set(self, name: str, value: Any) -> None:
        """Put a copy of a value where hooks and transactions inside find it."""
        self._scratch[name] = copy.deepcopy(value)

    def get(self, name: str, default: Any = _UNSET) -> Any:
        """Give a copy of a value put here or in a transaction around. Raises InvalidInput."""
        if name in self._scratch:
            return copy.deepcopy(self._scratch[name])
        if self.parent is not None:
            return self.parent.get(name, default)
        if default is _UNSET:
            raise InvalidInput(f"The transaction holds nothing named {name!r}.", field="name")
        return default

    def read(self) -> Any:
        """Give the record of the key, as the store reads it; None when nothing was kept."""
        if self.store is None or self.key is None or not self.store.exists(self.key):
            return None
        return self.store.read(self.key)

    def stage(
        self,
        value: Any,
        on_rollback_hooks: Iterable[Hook] | None = None,
        on_commit_hooks: Iterable[Hook] | None = None,
    ) -> None:
        """Say what to keep when it commits, and what to call then, or when it is undone."""
        if self.is_committed() or self.is_rolled_back():
            return
        self._value = value
        self.on_rollback_hooks += on_rollback_hooks or ()
        self.on_commit_hooks += on_commit_hooks or ()
        self.state = TransactionState.STAGED

    # -- its life -------------------------------------------------------------------------------
    def begin(self, parent: Transaction | None = None) -> None:
        """Begin: wait for the key's lock if need be, and look whether the key was kept before."""
        if not self.is_pending():
            raise NbflowError("A transaction begins once.", code="transaction.used")
        self.parent = parent or get_transaction()
        self.state = TransactionState.ACTIVE
        if self.key is None:
            return
        if self.store is None:
            from nbflow.results import get_result_store

            self.store = get_result_store()
        if self.isolation_level is IsolationLevel.SERIALIZABLE:
            self._holder = holder_name()
            self.store.acquire_lock(self.key, self._holder)
        try:
            if not self.overwrite and self.store.exists(self.key):
                self.state = TransactionState.COMMITTED
        except BaseException:
            self._release()
            raise

    def commit(self) -> bool:
        """Commit what is inside, call the hooks, keep the value; say whether it was done.

        What fails is logged and turns the commit into a rollback; nothing is raised.
        """
        if self.is_committed() or self.is_rolled_back():
            self._release()
            return False
        try:
            for child in self.children:
                if not child.commit() and not child.is_committed():
                    raise NbflowError("A transaction inside could not commit.")
            for hook in self.on_commit_hooks:
                self._run(hook)
            if self.store is not None and self.key is not None and self.write_on_commit:
                self.store.write(self.key, None if self._value is _UNSET else self._value)
            self.state = TransactionState.COMMITTED
        except Exception as error:
            self.logger.error(
                "The transaction %s could not commit and is rolled back: %s",
                self.key or "", error, exc_info=error,
            )  # fmt: skip
            self.rollback()
            return False
        self._release()
        return True

    def rollback(self) -> bool:
        """Undo: call the hooks in reverse, then undo what is inside, last first."""
        if self.is_committed() or self.is_rolled_back():
            return False
        try:
            for hook in reversed(self.on_rollback_hooks):
                self._run(hook)
            self.state = TransactionState.ROLLED_BACK
            for child in reversed(self.children):
                child.rollback()
            return True
        except Exception as error:
            self.state = TransactionState.ROLLED_BACK
            self.logger.error(
                "The transaction %s could not be rolled back to the end: %s",
                self.key or "", error, exc_info=error,
            )  # fmt: skip
            return False
        finally:
            self._release()

    def end(self, error: BaseException | None = None) -> None:
        """End: undo after an error, else commit or leave that to the transaction around."""
        if error is not None:
            self.rollback()
        elif self.commit_mode is CommitMode.EAGER:
            self.commit()
        parent = self.parent
        if parent is not None:
            parent.adopt(self)
        elif self.commit_mode is CommitMode.OFF:
            self.rollback()  # nobody took the responsibility to commit
        else:
            self.commit()

    def adopt(self, child: Transaction) -> None:
        """Take responsibility for a transaction inside that has ended."""
        if self.is_rolled_back():
            child.rollback()
        elif self.is_committed():  # it ended before what was submitted inside it
            child.commit()
        else:
            self.children.append(child)
            if child.is_rolled_back():
                self.rollback()

    def enter(self) -> None:
        """Make this the transaction around the code that follows (begin it first)."""
        self._token = _here.set(self)

    def leave(self) -> None:
        """Make the transaction around this one the current one again."""
        if self._token is not None:
            try:
                _here.reset(self._token)
            except ValueError:  # a coroutine that was thrown away is closed in another context
                pass
            self._token = None

    def __enter__(self) -> Transaction:
        self.begin()
        self.enter()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.leave()
        self.end(_undoing(error))

    async def __aenter__(self) -> Transaction:
        await _away(self.begin)
        self.enter()
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.leave()
        await _away(lambda: self.end(_undoing(error)))

    def _release(self) -> None:
        holder, self._holder = self._holder, ""
        if holder and self.store is not None and self.key is not None:
            self.store.release_lock(self.key, holder)

    def _run(self, hook: Hook) -> None:
        said = hook(self)
        if inspect.isawaitable(said):
            _finish(said)


def transaction(
    key: str | None = None,
    store: Any = None,
    commit_mode: CommitMode | str | None = None,
    isolation_level: IsolationLevel | str | None = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: Any = None,
) -> Transaction:
    """Open a transaction: `with transaction() as txn`.

    Args:
        key: names what is kept; one that was kept before is committed from the start.
        store: a `ResultStore`; that of the run around when left out.
        commit_mode: LAZY (with the one around, the outermost at its end), EAGER, or OFF.
        isolation_level: READ_COMMITTED, or SERIALIZABLE (the store needs a lock manager).
        overwrite: do not look whether the key was kept before.
        write_on_commit: False keeps nothing.
        logger: told of what fails while it commits or is undone.

    Raises InvalidInput.
    """
    if key is not None and (not isinstance(key, str) or not key):
        raise InvalidInput(f"A transaction's key is a text, not {key!r}.", field="key")
    return Transaction(key, store, commit_mode, isolation_level, overwrite, write_on_commit, logger)


#: the same for `async with`: waiting for a lock, and hooks, do not stop the event loop
atransaction = transaction


def get_transaction() -> Transaction | None:
    """Give the innermost transaction around this code, or None."""
    return _here.get()


def _mode(said: CommitMode | str | None) -> CommitMode | None:
    try:
        return CommitMode(said.lower()) if isinstance(said, str) else said
    except ValueError:
        names = ", ".join(mode.name for mode in CommitMode)
        raise InvalidInput(
            f"commit_mode is {said!r}; it is one of {names}.", field="commit_mode"
        ) from None


async def _away(work: Callable[[], None]) -> None:
    import asyncio

    await asyncio.to_thread(work)


def _finish(awaitable: Any) -> None:
    """Finish an async hook on an event loop of its own; this thread may have one already."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def finish() -> None:
        await awaitable

    with ThreadPoolExecutor(1) as threads:
        threads.submit(copy_context().run, asyncio.run, finish()).result()


def _undoing(error: BaseException | None) -> BaseException | None:
    """Give an error that undoes a transaction: code that leaves early has made none."""
    return None if isinstance(error, Leaving) else error
