"""What the database leaves out of a list of related events is nothing that is meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nbflow.model import states
from nbflow.model.blocks import NewBlock
from nbflow.model.event_log import EventFilter, EventSort, Meant
from nbflow.model.event_views import ID, ROLE, EventView
from nbflow.model.events import NewEvent
from nbflow.model.ids import uuid7
from nbflow.model.pages import every
from nbflow.model.runs import Batch, NewFlowRun, TaskRun
from nbflow.model.variables import NewVariable
from nbflow.model.work_pools import NewWorkPool
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import event_list

BEGAN = datetime.fromisoformat("2026-03-01T12:00:00Z")
#: names as users give them: quotes, stars, what LIKE and JSON write in another way
NAMES = ("etl", 'a "b" \\ c', "Größe_100%", "é", "x.y:z", "\u2028/\t")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Orchestrator]:
    """A store with events of many kinds, their times not in the order of commits."""
    url = f"sqlite:///{tmp_path_factory.mktemp('sieve') / 'nbflow.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create("nbflow_sieve")
    opened = Orchestrator(url)
    furnish(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def everything(store: Orchestrator) -> list[EventView]:
    """All events, oldest first."""
    return list(every(store.list_events, EventFilter(), sort="occurred", limit=200))


def furnish(store: Orchestrator) -> None:
    store.create_work_pool(NewWorkPool("night", "process"))
    store.set_variable(NewVariable("eur", 1))
    store.save_block(NewBlock("webhook", "ops", {"url": "https://x.example"}))
    for place, name in enumerate(NAMES):
        run = store.create_flow_run(NewFlowRun(name, tags=(name,)))
        child = NewFlowRun("child", parent_flow_run_id=run.id, tags=("nightly",))
        store.propose(store.create_flow_run(child).id, states.Running())
        store.propose(run.id, states.Running())
        task = TaskRun(
            uuid7(), run.id, "m.load", "load-0", "task", states.Completed(), BEGAN,
            history=(states.Running(), states.Completed()), attempt=1, tags=(name, "hot"),
        )  # fmt: skip
        store.record(Batch((task,)))
        related = ({ID: f"shop.{name}", ROLE: "shop"}, {ID: f"nbflow.flow.{name}", ROLE: "flow"})
        occurred = BEGAN - timedelta(minutes=place)
        store.emit_events([
            NewEvent("shop.paid", {ID: f"order.{name}"}, related, occurred=occurred),
            NewEvent("shop.left", {ID: "order.9"}, occurred=occurred, flow_run_id=run.id),
        ])  # fmt: skip
    gone = store.create_flow_run(NewFlowRun("gone", tags=("gone",))).id
    for state in (states.Running(), states.Completed()):
        store.propose(gone, state)
    store.delete_flow_run(gone)


def seen(view: EventView) -> tuple[int, str]:
    return view.seq, view.id


def about() -> list[str]:
    """Give ids there are; those of runs are put in their places."""
    named = [f"{kind}.{name}" for name in NAMES for kind in ("nbflow.flow", "nbflow.tag", "shop")]
    others = ("nbflow.tag.hot", "nbflow.work-pool.night", "nbflow.block-type.webhook", "order.9")
    return [*named, *others, "nbflow.flow-run.{0}", "nbflow.flow-run.{1}", "nbflow.task-run.{2}"]


def runs(everything: list[EventView]) -> list[str]:
    """Give the ids of a flow run, a run that has a parent, and a task run."""
    found = {view.resource["nbflow.resource.id"]: view for view in everything}
    tasks = [one for one in found if one.startswith("nbflow.task-run.")]
    flows = [one for one in found if one.startswith("nbflow.flow-run.")]
    return [one.rpartition(".")[2] for one in (flows[0], flows[1], tasks[0])]


def term() -> st.SearchStrategy[str]:
    """Some id, whole or with stars somewhere; left out; or one that is nowhere."""
    there = st.sampled_from(about())
    cut = st.tuples(there, st.integers(0, 25), st.integers(0, 25)).map(starred)
    nowhere = st.sampled_from(("nbflow.flow.nowhere", "shop.none", "*", "nb*", "nbflow.*"))
    plain = st.one_of(there, cut, nowhere)
    return st.one_of(plain, plain.map(lambda text: f"!{text}"))


def starred(cut: tuple[str, int, int]) -> str:
    text, begin, end = cut[0], *sorted(cut[1:])
    if "{" in text:
        begin, end = min(begin, 8), min(end, 8)
    return f"{text[:begin]}*{text[end:]}"


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(terms=("nbflow.*block-type.apprise",), sieved=60, sort="occurred", event=None, limit=50)
@example(terms=("nbflow.flow.etl",), sieved=5, sort="-occurred", event=None, limit=3)
@given(
    terms=st.lists(term(), min_size=1, max_size=3).map(tuple),
    sieved=st.sampled_from((5, 20, 60)),
    sort=st.sampled_from(("occurred", "-occurred")),
    event=st.sampled_from((None, "nbflow.*", "!shop.*", "nbflow.task-run.Completed")),
    limit=st.sampled_from((3, 50)),
)
def test_a_list_of_related_events_is_the_list_of_all_looked_through(
    store: Orchestrator,
    everything: list[EventView],
    monkeypatch: pytest.MonkeyPatch,
    terms: tuple[str, ...],
    sieved: int,
    sort: EventSort,
    event: str | None,
    limit: int,
) -> None:
    """Whichever ids, with stars and without, however few rows are looked into for one page."""
    monkeypatch.setattr(event_list, "_SIEVED", sieved)
    where = EventFilter(event=event, related=tuple(t.format(*runs(everything)) for t in terms))
    found = [*map(seen, every(store.list_events, where, sort=sort, limit=limit))]
    meant = [*map(seen, filter(Meant(where), everything))]
    assert found == (meant if sort == "occurred" else meant[::-1])


def test_the_database_leaves_out_what_cannot_be_related(
    store: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing is read, and one page is enough."""

    def read(*_args: object) -> object:
        raise AssertionError("a row was read")

    monkeypatch.setattr(event_list.events, "_event", read)
    for related in (f"nbflow.flow-run.{uuid7()}", "nbflow.flow.nowhere", "shop.none.*"):
        page = store.list_events(EventFilter(related=related))
        assert (page.rows, page.cursor) == ((), None)
