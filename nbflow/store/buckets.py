"""What triggers have counted, and up to which event somebody has read."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.triggers import Bucket, Key
from nbflow.store import codec
from nbflow.store.bulk import Bulk
from nbflow.store.dialect import Insert
from nbflow.store.rule_tables import bucket, cursor

#: the name of the mark up to which automations have read
RULES = "automations"
_C = bucket.c
_COLUMNS = ("automation_id", "trigger", "key", "labels", "state", "deadline_at")
_INSERT = Bulk(lambda insert: _plain(insert))


def _plain(insert: Insert) -> sa.Insert:
    return insert(bucket).values(dict.fromkeys(_COLUMNS)).inline()


def of(connection: sa.Connection, automation_ids: Sequence[str]) -> list[Bucket]:
    """List what automations have counted."""
    query = sa.select(bucket).where(_C.automation_id.in_(automation_ids))
    found = connection.execute(query.order_by(_C.trigger, _C.key)).mappings()
    return [
        Bucket(
            row["automation_id"], row["trigger"], row["key"], codec.loads(row["labels"]),
            codec.loads(row["state"]), row["deadline_at"],
        )
        for row in found
    ]  # fmt: skip


def write(connection: sa.Connection, kept: Sequence[Bucket], gone: Sequence[Key]) -> None:
    """Write buckets as they now are, and delete those that are no more."""
    keys = [*gone, *((one.automation_id, one.trigger, one.key) for one in kept)]
    if keys:
        where = (
            (_C.automation_id == sa.bindparam("a"))
            & (_C.trigger == sa.bindparam("t"))
            & (_C.key == sa.bindparam("k"))
        )
        named = [{"a": a, "t": t, "k": k} for a, t, k in keys]
        connection.execute(bucket.delete().where(where), named)
    rows = [
        (b.automation_id, b.trigger, b.key, codec.dumps(dict(b.labels)), codec.dumps(b.state),
         b.deadline)
        for b in kept
    ]  # fmt: skip
    _INSERT(connection, rows)


def forget(connection: sa.Connection, automation_id: str) -> None:
    """Delete all an automation has counted."""
    connection.execute(bucket.delete().where(_C.automation_id == automation_id))


# -- how far somebody has read ----------------------------------------------------------------
def read_until(connection: sa.Connection, name: str) -> int | None:
    """Give the number of the last event a reader has read; None: it never did."""
    return connection.execute(sa.select(cursor.c.seq).where(cursor.c.name == name)).scalar()


def move(connection: sa.Connection, name: str, seen: int | None, seq: int) -> bool:
    """Move a reader on from where it was seen; False: another moved it meanwhile."""
    at = clock.micros(clock.now())
    if seen is None:
        if read_until(connection, name) is not None:
            return False
        connection.execute(cursor.insert(), {"name": name, "seq": seq, "at": at})
        return True
    where = (cursor.c.name == name) & (cursor.c.seq == seen)
    return connection.execute(cursor.update().where(where).values(seq=seq, at=at)).rowcount == 1
