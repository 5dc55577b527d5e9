"""An upgrade that is killed after any statement leaves the store as it was; the next goes on.

`make test` kills after every seventh statement, `make faults` (`NBFLOW_FAULTS_FULL=1`) after each.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command

from nbflow import faults
from nbflow.store import database, integrity
from nbflow.store.database import Database, alembic_config
from tests import migrating

STEP = 1 if "NBFLOW_FAULTS_FULL" in os.environ else 7


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the address of a store that is not there yet, each time another."""

    def lite() -> str:
        return f"sqlite:///{tmp_path / uuid4().hex}"

    if request.param == "sqlite":
        return lite
    cluster = request.getfixturevalue("postgresql")
    return lambda: cluster.create(f"k{uuid4().hex}")


def killed(place: str, nth: int, *, down: bool) -> bool:
    """Migrate in a process that is killed after so many statements; False: it has no more."""
    child = os.fork()
    if not child:
        with faults.planned({"migrate.after_statement": {"do": "kill9", "nth": nth}}):
            if down:
                command.downgrade(alembic_config(place), "-1")
            else:
                command.upgrade(alembic_config(place), "head")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert status == 0
    return False


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("release", "down"), [("0001", False), ("0003", False), (database.HEAD, True)]
)
def test_a_killed_migration_leaves_the_store_as_it_was_and_the_next_goes_on(
    new_place: Callable[[], str], release: str, down: bool
) -> None:
    strokes, nth = 0, 1
    place = made(new_place, release)
    before = migrating.contents(place)
    while killed(place, nth, down=down):
        strokes += 1
        if version(place) != release:  # the last statement commits
            break
        assert migrating.contents(place) == before
        nth += STEP
    assert (version(place) == database.HEAD) is not down
    if not down:
        store = Database(place)
        assert list(integrity.check(store)) == []
        store.close()
    print(f"{release} {'down' if down else 'up'}: killed {strokes} times")
    assert strokes >= 3


def version(place: str) -> str | None:
    store = Database(place)
    found = store.version()
    store.close()
    return found


def made(new_place: Callable[[], str], release: str) -> str:
    place = new_place()
    migrating.kept(min(release, migrating.RELEASES[-1]), place)
    if release == database.HEAD:
        command.upgrade(alembic_config(place), "head")
    return place
