"""A PostgreSQL server that writes to the disk, for what is killed and for what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def durable_postgresql(postgresql_servers: Any) -> Iterator[Any]:
    """A PostgreSQL server as it is elsewhere."""
    with postgresql_servers(durable=True) as cluster:
        yield cluster
