"""For users' tests: a store of their own that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from nbflow import connect, settings
from nbflow.model.backend import Backend


@contextmanager
def nbflow_test_harness() -> Iterator[Backend]:
    """Run what is inside against a temporary home folder and store; give its Backend."""
    with (
        tempfile.TemporaryDirectory(prefix="nbflow-test-") as home,
        settings.temporary(home=home, database_url="", api_url=""),
    ):
        backend = connect.connect()
        try:
            yield backend
        finally:
            connect.forget()
