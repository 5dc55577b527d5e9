"""Stored results: kept with the task runs that made them, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from nbflow.model.results import ResultRecord
from nbflow.store import rows
from nbflow.store.bulk import Bulk
from nbflow.store.tables import result


def append(connection: sa.Connection, records: Sequence[ResultRecord]) -> None:
    """Keep results; of two with the same key the newer one stays."""
    if records:
        _UPSERT(connection, [rows.of_result(record) for record in records])


def _upsert() -> sa.Insert:
    statement = upsert(result)
    new = statement.excluded
    changes = {c.name: new[c.name] for c in result.columns if c.name != "key"}
    return statement.on_conflict_do_update(
        index_elements=["key"], set_=changes, where=new.created_at >= result.c.created_at
    )


_UPSERT = Bulk(_upsert())
