"""Who uses a store now: servers and workers with a good lease. Reads any schema there ever was."""

from __future__ import annotations

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.store import codec, owners
from nbflow.store.database import Database

_DUTIES = sa.text("SELECT owner FROM duty WHERE lease_until > :now")
_WORKERS = sa.text("SELECT owner FROM worker WHERE lease_until > :now AND stopped_at IS NULL")


def present(store: Database) -> list[str]:
    """Name the processes that use a store and are not known to be gone."""
    now = {"now": clock.micros(clock.now())}
    with store.read() as connection:
        texts = {row[0] for query in (_DUTIES, _WORKERS) for row in connection.execute(query, now)}
    found = (codec.owner_of(text) for text in texts)
    return sorted(
        {f"process {o.pid} on {o.host}" for o in found if o and owners.alive(o) is not False}
    )
