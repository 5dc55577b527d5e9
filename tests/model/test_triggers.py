"""The evaluator decides as a slow oracle does, and as people mean it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.model import trigger_said
from nbflow.model.event_views import ID, NAME, ROLE, EventView
from nbflow.model.triggers import Decision, Evaluator, Watched, replay

T0 = datetime(2026, 3, 1, tzinfo=UTC)
FAILED, COMPLETED = "nbflow.flow-run.Failed", "nbflow.flow-run.Completed"
RUN, FLOW = "nbflow.resource.id", "related:flow:nbflow.resource.id"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def seen(
    name: str, seconds: float, *, run: str = "r", flow: str = "f", **payload: Any
) -> EventView:
    """An event of a run of a flow."""
    resource = {ID: f"nbflow.flow-run.{run}", NAME: run, **payload.pop("labels", {})}
    related = ({ID: f"nbflow.flow.{flow}", ROLE: "flow"}, *payload.pop("related", ()))
    return EventView(0, f"{name}-{seconds}", name, at(seconds), resource, related, payload)


def watched(said: dict[str, Any], since: float = 0.0) -> Watched:
    return Watched("a", trigger_said.read(said), at(since))


def decided(
    said: dict[str, Any], views: Sequence[EventView], until: float
) -> list[tuple[str, float]]:
    """What an automation decides, and when, in seconds."""
    out, _ = replay(watched(said), views, until=at(until))
    return [(one.kind, (one.at - T0).total_seconds()) for one in out]


def fired(said: dict[str, Any], times: Sequence[float], until: float = 10_000) -> list[float]:
    found = decided(said, [seen(FAILED, one) for one in times], until)
    return [when for kind, when in found if kind == "triggered"]


# -- behaviour 23 -----------------------------------------------------------------------------
def test_behaviour_23_threshold_3_within_60_fires_once() -> None:
    said = {"expect": [FAILED], "threshold": 3, "within": 60}
    assert fired(said, [0, 10, 20, 21, 22, 59]) == [20]
    assert fired(said, [0, 30, 61]) == []
    assert fired(said, [0, 50, 65, 70]) == [70]  # the window slides


def test_behaviour_23_proactive_fires_when_quiet_and_not_when_a_heartbeat_arrives() -> None:
    said = {"expect": [FAILED], "posture": "Proactive", "within": 60}
    assert decided(said, [seen(FAILED, 30), seen(FAILED, 80)], 139) == []
    assert decided(said, [seen(FAILED, 30)], 91) == [("triggered", 90)]
    back = decided(said, [seen(FAILED, 30), seen(FAILED, 120)], 130)
    assert back == [("triggered", 90), ("resolved", 120)]


def test_behaviour_23_for_each_counts_apart() -> None:
    said = {"expect": [FAILED], "threshold": 2, "within": 60, "for_each": [FLOW]}
    views = [seen(FAILED, n, flow=flow) for n, flow in enumerate("abcab")]
    out, _ = replay(watched(said), views, until=at(100))
    assert [one.labels[FLOW] for one in out] == ["nbflow.flow.a", "nbflow.flow.b"]


def test_behaviour_23_a_sequence_wants_its_order() -> None:
    said = {"type": "sequence", "within": 60, "triggers": [{"expect": ["a"]}, {"expect": ["b"]}]}
    assert decided(said, [seen("b", 0), seen("a", 1)], 99) == []
    assert decided(said, [seen("b", 0), seen("a", 1), seen("b", 2)], 99) == [("triggered", 2)]
    assert decided(said, [seen("a", 0), seen("b", 60)], 99) == []
    assert decided(said, [seen("a", 0), seen("a", 30), seen("b", 61)], 99) == [("triggered", 61)]


def test_behaviour_23_a_compound_that_requires_2() -> None:
    three = [{"expect": [name]} for name in "abc"]
    said = {"type": "compound", "require": 2, "within": 60, "triggers": three}
    assert decided(said, [seen("a", 0), seen("a", 1)], 99) == []
    assert decided(said, [seen("c", 0), seen("a", 1), seen("b", 2)], 99) == [("triggered", 1)]
    assert decided(said, [seen("c", 0), seen("a", 60), seen("b", 61)], 99) == [("triggered", 61)]


# -- windows ----------------------------------------------------------------------------------
def test_after_opens_the_window_expect_counts_in_it() -> None:
    said = {"after": ["start"], "expect": ["stop"], "within": 10, "for_each": [RUN]}
    assert decided(said, [seen("stop", 0)], 99) == []
    assert decided(said, [seen("start", 0), seen("stop", 9)], 99) == [("triggered", 9)]
    assert decided(said, [seen("start", 0), seen("stop", 10)], 99) == []
    assert decided(said, [seen("start", 0, run="x"), seen("stop", 5)], 99) == []
    watch = {**said, "posture": "Proactive"}
    assert decided(watch, [seen("start", 0), seen("stop", 9)], 99) == []
    assert decided(watch, [seen("start", 0)], 9) == []
    late = decided(watch, [seen("start", 0), seen("stop", 12), seen("start", 20)], 99)
    assert late == [("triggered", 10), ("resolved", 12), ("triggered", 30)]


def test_a_heartbeat_that_is_expected_starts_its_own_watch() -> None:
    said = {"after": ["beat"], "expect": ["beat"], "posture": "Proactive", "within": 10}
    beats = [seen("beat", n) for n in (0, 8, 17)]
    assert decided(said, beats, 26) == []
    assert decided(said, beats, 500) == [("triggered", 27)]
    again = decided(said, [*beats, seen("beat", 100)], 105)
    assert again == [("triggered", 27), ("resolved", 100)]


def test_a_long_silence_is_told_once() -> None:
    said = {"expect": ["beat"], "posture": "Proactive", "within": 10}
    assert decided(said, [], 1005) == [("triggered", 1000)]


def test_an_event_counts_where_it_occurred() -> None:
    said = {"expect": [FAILED], "threshold": 3, "within": 60}
    assert fired(said, [10, 5, 12]) == [12]
    assert fired(said, [100, 5, 6, 7]) == []


def test_patterns_stars_and_exclamation_marks() -> None:
    said = {"expect": ["nbflow.flow-run.*", "!nbflow.flow-run.Completed"]}
    assert len(decided(said, [seen(FAILED, 0), seen(COMPLETED, 1), seen("other", 2)], 9)) == 1
    match = {"expect": [FAILED], "match": {NAME: ["etl-*", "!etl-test"]}}
    found = decided(match, [seen(FAILED, n, run=run) for n, run in enumerate(
        ["etl-1", "etl-test", "load"])], 9)  # fmt: skip
    assert found == [("triggered", 0)]


def test_every_object_of_match_related_must_be_met() -> None:
    flow = {ROLE: "flow", ID: "nbflow.flow.f"}
    tag = {ROLE: "tag", ID: ["nbflow.tag.prod"]}
    said = {"expect": [FAILED], "match_related": [flow, tag]}
    prod = ({ID: "nbflow.tag.prod", ROLE: "tag"},)
    views = [
        seen(FAILED, 0),
        seen(FAILED, 1, related=prod),
        seen(FAILED, 2, flow="g", related=prod),
    ]
    assert decided(said, views, 9) == [("triggered", 1)]


def test_why_nothing_fired_is_said() -> None:
    said = {"expect": [FAILED], "match": {NAME: "etl"}}
    _, told = replay(watched(said), [seen(FAILED, 0, run="load")], until=at(9))
    missed, leaf = told["missed"]
    assert (told["seen"], told["matched"]) == (1, 0)
    assert leaf.why_not(missed) == "Its nbflow.resource.name is load, not etl."


# -- levels -----------------------------------------------------------------------------------
def test_a_metric_must_hold_for_a_while() -> None:
    said = {"type": "metric", "metric": "success-rate", "operator": "<", "threshold": 0.5,
            "range": 1000, "firing_for": 300, "flow": "f"}  # fmt: skip
    bad, good = ({"labels": {"nbflow.state-type": kind}} for kind in ("FAILED", "COMPLETED"))
    assert decided(said, [seen(FAILED, 0, **bad)], 299) == []
    assert decided(said, [seen(FAILED, 0, **bad)], 999) == [("triggered", 300)]
    assert decided(said, [seen(FAILED, 0, **bad), seen(COMPLETED, 299, **good)], 999) == []
    quiet = decided(said, [seen(FAILED, 0, **bad)], 2000)
    assert quiet == [("triggered", 300), ("resolved", 1000)]
    assert decided(said, [seen(FAILED, 0, flow="g", **bad)], 999) == []


def test_a_kept_value_is_compared() -> None:
    said = {"type": "cell-value", "name": "row_count", "operator": "<", "value": 100}
    views = [seen(COMPLETED, n, values={"row_count": value}) for n, value in enumerate(
        [500, 80, 70, 100, "many"])]  # fmt: skip
    found = decided(said, [*views, seen(COMPLETED, 9)], 99)
    assert found == [("triggered", 1), ("triggered", 2), ("resolved", 3)]


def test_a_status_fires_when_it_changes() -> None:
    said = {"type": "status", "of": "deployment", "name": "d", "status": "paused"}
    views = [
        EventView(0, str(n), "nbflow.deployment.updated", at(n), {ID: "nbflow.deployment.d"},
                  (), {"paused": paused})
        for n, paused in enumerate([False, True, True, False])
    ]  # fmt: skip
    assert decided(said, views, 99) == [("triggered", 1), ("resolved", 3)]


def test_freshness_is_the_time_since_the_last_completion() -> None:
    said = {"type": "freshness", "deployment": "d", "within": 3600}
    mine = ({ID: "nbflow.deployment.d", ROLE: "deployment"},)
    views = [seen(COMPLETED, 60, related=mine), seen(FAILED, 3000, related=mine)]
    assert decided(said, views, 3650) == []
    assert decided(said, views, 3661) == [("triggered", 3660)]


# -- guards -----------------------------------------------------------------------------------
def test_an_automation_does_not_hear_of_itself() -> None:
    said = {"expect": ["nbflow.automation.*"]}
    mine, other = (
        EventView(
            n, str(n), "nbflow.automation.triggered", at(n), {ID: f"nbflow.automation.{name}"}
        )
        for n, name in enumerate("ab")
    )
    assert decided(said, [mine, other], 99) == [("triggered", 1)]


def test_events_before_it_was_made_do_not_count() -> None:
    evaluator = Evaluator([Watched("a", trigger_said.read({"expect": ["x"]}), T0, since_seq=5)])
    views = [EventView(n, str(n), "x", T0, {ID: "r"}) for n in (4, 5, 6)]
    assert [len(evaluator.feed(view, T0)) for view in views] == [0, 0, 1]


# -- the oracle -------------------------------------------------------------------------------
def reactive_oracle(times: Sequence[int], threshold: int, within: int) -> list[int]:
    """Look at the whole past for each event."""
    gone: set[int] = set()
    mutes: list[int] = []
    out: list[int] = []
    for i, t in enumerate(times):
        newest = max(times[: i + 1])
        if t <= newest - within or any(t < until for until in mutes):
            gone.add(i)
            continue
        window = [j for j in range(i + 1) if j not in gone and times[j] > newest - within]
        if len(window) >= threshold:
            out.append(t)
            gone.update(window)
            mutes.append(min(times[j] for j in window) + within)
    return out


def proactive_oracle(times: Sequence[int], threshold: int, within: int, until: int) -> list[int]:
    """Step through watches: each ends well with its threshold-th event, or fires at its end."""
    start, left, out = 0, sorted(times), []
    while True:
        heard = [t for t in left if start <= t < start + within]
        if len(heard) >= threshold:
            start = heard[threshold - 1]
            left = left[left.index(heard[0]) + threshold :]
            continue
        left = [t for t in left if t >= start + within]
        until_next = min([*left, until])
        if until_next < start + within:
            return out
        start += (until_next - start) // within * within
        out.append(start)


def sequence_oracle(names: str, times: Sequence[int], many: int, within: int) -> list[int]:
    """Try all chains since the last firing."""
    out: list[int] = []
    begun = 0
    for i in range(len(names)):
        chains = {(): (None, None)}
        found = False
        for j in range(begun, i + 1):
            for chain, (first, _) in list(chains.items()):
                if len(chain) < many and names[j] == "abc"[len(chain)]:
                    start = times[j] if first is None else first
                    if times[j] - start < within:
                        chains[(*chain, j)] = (start, times[j])
                        found |= len(chain) + 1 == many and j == i
        if found:
            out.append(times[i])
            begun = i + 1
    return out


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=40),
    st.lists(st.integers(0, 7), min_size=40, max_size=40),
    st.integers(1, 5),
    st.integers(8, 40),
)
def test_reactive_decisions_are_the_oracles(
    gaps: list[int], late: list[int], threshold: int, within: int
) -> None:
    now, times = 0, []
    for gap, behind in zip(gaps, late, strict=False):
        now += gap % 13
        times.append(max(0, now - behind))
    said = {"expect": [FAILED], "threshold": threshold, "within": within}
    assert fired(said, times) == reactive_oracle(times, threshold, within)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 300), max_size=30), st.integers(1, 4), st.integers(10, 60),
    st.integers(300, 500),
)  # fmt: skip
def test_proactive_decisions_are_the_oracles(
    times: list[int], threshold: int, within: int, until: int
) -> None:
    said = {"expect": [FAILED], "posture": "Proactive", "threshold": threshold, "within": within}
    found = fired(said, sorted(times), until)
    assert found == proactive_oracle(times, threshold, within, until)


@settings(max_examples=150, deadline=None)
@given(st.text("abc", max_size=9), st.lists(st.integers(0, 9), min_size=9, max_size=9),
       st.integers(2, 3), st.integers(1, 30))  # fmt: skip
def test_sequences_are_the_oracles(names: str, gaps: list[int], many: int, within: int) -> None:
    times = [sum(gaps[: n + 1]) for n in range(len(names))]
    triggers = [{"expect": [name]} for name in "abc"[:many]]
    said = {"type": "sequence", "within": within, "triggers": triggers}
    views = [seen(name, t) for name, t in zip(names, times, strict=False)]
    assert [t for _, t in decided(said, views, 999)] == sequence_oracle(names, times, many, within)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20)), max_size=25), st.integers(0, 25)
)
def test_a_memory_written_and_read_back_goes_on_the_same(
    feed: list[tuple[str, int]], cut: int
) -> None:
    said = {"type": "compound", "within": 30, "triggers": [
        {"expect": ["a"], "threshold": 2, "within": 25},
        {"expect": ["b"], "posture": "Proactive", "within": 20}]}  # fmt: skip
    now, views = 0, list[EventView]()
    for name, gap in feed:
        now += gap
        views.append(seen(name, now))
    whole, _ = replay(watched(said), views, until=at(now))
    first = Evaluator([watched(said)])
    out = [one for view in views[:cut] for one in first.feed(view, at(now))]
    second = Evaluator([watched(said)], first.changed()[0])
    out += [one for view in views[cut:] for one in second.feed(view, at(now))]
    out += second.due(at(now))
    assert _told(out) == _told(whole)


def _told(decisions: Sequence[Decision]) -> list[tuple[str, datetime, str]]:
    return [(one.kind, one.at, one.reason) for one in decisions]
