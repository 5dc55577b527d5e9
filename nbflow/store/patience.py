"""How long an answer of PostgreSQL's is waited for: a server that stands still must hang nobody.

The kernel of a machine whose server is stopped, and a proxy before it, go on acknowledging what is
sent, so neither keepalives nor `tcp_user_timeout` notice; `statement_timeout` is the server's own.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from typing import Any

from nbflow import settings
from nbflow.model import clock


def seconds() -> float:
    """Give how long an answer is waited for: a lock may be waited for before it can come."""
    return settings.busy_seconds + settings.database_answer_seconds


@cache
def connection() -> Any:
    """Give psycopg's connection, with `patience`: seconds, or None where it may take any time."""
    import psycopg

    class Connection(psycopg.Connection[Any]):
        patience: float | None

        def wait(self, gen: Any, *args: Any, **named: Any) -> Any:
            patience = getattr(self, "patience", None)
            bounded = gen if patience is None else self._bounded(gen, patience)
            return super().wait(bounded, *args, **named)

        def _bounded(self, gen: Any, patience: float) -> Generator[Any, Any, Any]:
            until = clock.monotonic() + patience
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and clock.monotonic() >= until:
                        self.pgconn.finish()  # what it was doing is not known: nobody goes on there
                        raise psycopg.OperationalError(f"no answer within {patience:g} s")
                    wanted = gen.send(ready)
            except StopIteration as ended:
                return ended.value

    return Connection


def connect(_dialect: Any, _record: Any, arguments: list[Any], said: dict[str, Any]) -> Any:
    """Connect, for an engine (SQLAlchemy's event `do_connect`)."""
    made = connection().connect(*arguments, **said)
    made.patience = seconds()
    return made
