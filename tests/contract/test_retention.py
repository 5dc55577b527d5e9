"""What `Retention` promises, asked of both authorities."""

from __future__ import annotations

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model.backend import Backend
from nbflow.model.retention import KINDS


def test_every_kind_is_told_and_nothing_young_goes(backend: Backend) -> None:
    told = backend.prune(dry_run=True)
    assert [one.kind for one in told] == list(KINDS)
    assert [one.days for one in told if one.kind == "runs"] == [90.0]
    (runs,) = backend.prune(["runs"])
    assert runs.count == 0


def test_a_kind_there_is_not_is_refused(backend: Backend) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.prune(["everything"])
    assert (refused.value.code, refused.value.field) == ("retention.kind", "kinds")
