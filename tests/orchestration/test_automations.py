"""Automations over a real store: heard, decided, done; once, and with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow.automations import (
    Automation,
    CompoundTrigger,
    DeploymentEventTrigger,
    EventTrigger,
    MetricTrigger,
    action,
)
from nbflow.exceptions import InvalidInput
from nbflow.model import clock, ids, states
from nbflow.model.automations import AutomationChange, Firing, NewAutomation, TestAsked
from nbflow.model.deploying import DeployRequest, deployment_of
from nbflow.model.deployments import Deployment, DeploymentChange
from nbflow.model.event_views import ID
from nbflow.model.events import Event
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Batch, FlowRun, NewFlowRun
from nbflow.model.work_pools import WorkPoolChange, WorkQueueChange
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService
from nbflow.store import events, owners
from tests.conftest import wait_for
from tests.contract.conftest import KERNELS, notebook_text

FAILED = {"expect": ["nbflow.flow-run.Failed"]}
NOTHING = ({"type": "do-nothing"},)


@pytest.fixture
def store(home: Path) -> Iterator[Orchestrator]:
    orchestrator = Orchestrator()
    yield orchestrator
    orchestrator.close()


@pytest.fixture
def service(store: Orchestrator) -> AutomationsService:
    return AutomationsService(store)


def deploy(store: Orchestrator, name: str = "etl") -> Deployment:
    request = DeployRequest(path=f"/tmp/{name}.ipynb", name=name, work_pool=name)
    new = deployment_of(
        request,
        notebook_text=notebook_text(),
        path=f"/tmp/{name}.ipynb",
        kernels=KERNELS,
        host=None,
    )
    return store.deploy(new)


def ran(store: Orchestrator, *to: states.State, **said: Any) -> FlowRun:
    """A run that went through states, at last Failed when nothing is said."""
    run = store.create_flow_run(NewFlowRun(said.pop("flow", "etl"), **said))
    for state in (states.Running(), *(to or (states.Failed(message="no"),))):
        store.propose(run.id, state, attempt=1)
    return store.read_flow_run(run.id)


def emit(store: Orchestrator, name: str, *, resource: str = "me", ago: float = 0.0) -> None:
    row = {"resource": {ID: resource}, "related": [], "payload": {}, "follows": None}
    at = clock.now() - timedelta(seconds=ago)
    with store.database.write() as connection:
        events.append(connection, [Event(name, "events", ids.uuid7(), at, row)])


def firings(store: Orchestrator, name: str) -> list[Firing]:
    return list(reversed(store.list_firings(name).rows))


def turn(service: AutomationsService, seconds: float = 0.0) -> None:
    service.run_once(clock.now() + timedelta(seconds=seconds))


def test_a_failed_run_makes_a_run_of_a_deployment_with_its_name_as_parameter(
    store: Orchestrator, service: AutomationsService
) -> None:
    mend = deploy(store, "mend")
    action = {"type": "run-deployment", "deployment": "mend", "parameters": {
        "n": "{{ flow_run.attempt }}"}}  # fmt: skip
    store.create_automation(NewAutomation("on failure", FAILED, (action,)))
    turn(service)
    run = ran(store)
    turn(service)
    (one,) = firings(store, "on failure")
    assert (one.kind, one.depth, one.event_seq is not None) == ("triggered", 1, True)
    assert one.reason == "nbflow.flow-run.Failed happened."
    (done,) = one.actions
    made = store.read_flow_run(done.outcome["flow_run_id"])
    assert (done.state, made.deployment_id, made.parameters) == ("done", mend.id, {"n": 1})
    assert made.idempotency_key == f"automation-action:{done.id}"
    assert run.name in str(one.event)
    turn(service)
    assert len(firings(store, "on failure")) == 1


def test_behaviour_24_templates_reach_no_attribute_and_a_wrong_one_fails_alone(
    store: Orchestrator, service: AutomationsService
) -> None:
    def said(template: str) -> dict[str, Any]:
        return {"type": "emit-event", "event": "x", "payload": {"said": template}}

    for reaching in ("{{ flow_run.__class__.__mro__ }}", "{{ event.payload.x.__dict__ }}"):
        with pytest.raises(InvalidInput) as caught:
            store.create_automation(NewAutomation("escape", FAILED, (said(reaching),)))
        assert (caught.value.code, caught.value.field) == (
            "template.inside", "actions.0.payload.said",
        )  # fmt: skip
    actions = (said("{{ flow_run.no_such }}"), said("{{ flow_run.name | upper }}"))
    store.create_automation(NewAutomation("one wrong", FAILED, actions))
    run = ran(store)
    turn(service)
    (one,) = firings(store, "one wrong")
    assert [done.state for done in one.actions] == ["failed", "done"]
    assert "no_such" in one.actions[0].message
    last = [e for e in store.changes(0).events if e.kind == "x"]
    assert [e.row["payload"] for e in last] == [{"said": run.name.upper()}]


def test_what_came_before_a_pause_counts_though_nobody_had_read_it(
    store: Orchestrator, service: AutomationsService
) -> None:
    said = {"expect": ["x"], "threshold": 2, "within": 3600}
    for name in ("by hand", "another trigger"):
        store.create_automation(NewAutomation(name, said, NOTHING))
    emit(store, "x")
    turn(service)
    emit(store, "x")
    store.update_automation("by hand", AutomationChange(enabled=False))
    store.update_automation("another trigger", AutomationChange(trigger={"expect": ["y"]}))
    emit(store, "x")
    emit(store, "x")
    for served in (service, AutomationsService(store)):
        turn(served)
        for name in ("by hand", "another trigger"):
            (one,) = firings(store, name)
            assert (one.kind, [done.state for done in one.actions]) == ("triggered", ["done"])
        assert store.read_standing("by hand").matched == 2
    store.update_automation("by hand", AutomationChange(enabled=True))
    emit(store, "x")
    turn(service)
    assert len(firings(store, "by hand")) == 1, "it counts from when it was enabled"


def test_a_watch_that_had_run_out_before_the_pause_fires_and_a_later_one_does_not(
    store: Orchestrator, service: AutomationsService
) -> None:
    for name, within in (("soon", 10), ("late", 3600)):
        said = {"posture": "Proactive", "expect": ["y"], "after": ["x"], "within": within}
        store.create_automation(NewAutomation(name, said, NOTHING))
    emit(store, "x", ago=60)
    for name in ("soon", "late"):
        store.update_automation(name, AutomationChange(enabled=False))
    turn(service, 7200)
    assert [len(firings(store, name)) for name in ("soon", "late")] == [1, 0]


def test_what_is_inferred_comes_from_the_event(
    store: Orchestrator, service: AutomationsService
) -> None:
    deployment = deploy(store)
    store.create_automation(NewAutomation("stop", FAILED, ({"type": "pause-deployment"},)))
    run = store.create_flow_run(
        NewFlowRun("etl", state=states.Scheduled(), deployment_id=deployment.id)
    )
    store.force_state(run.id, states.Failed())
    turn(service)
    assert store.read_deployment("etl").paused
    ran(store)  # of no deployment
    turn(service)
    first, second = firings(store, "stop")
    assert first.actions[0].message == "The deployment etl is paused."
    assert second.actions[0].state == "failed"
    assert "no deployment to be inferred" in second.actions[0].message


@pytest.mark.parametrize(
    ("action", "to", "state"),
    [
        ({"type": "cancel-flow-run"}, "Running", "Cancelling"),
        ({"type": "change-flow-run-state", "state": "CRASHED", "message": "so"}, "Running",
         "Crashed"),
    ],
)  # fmt: skip
def test_runs_are_moved(
    store: Orchestrator, service: AutomationsService, action: Any, to: str, state: str
) -> None:
    said = {"expect": [f"nbflow.flow-run.{to}"]}
    store.create_automation(NewAutomation("move", said, (action,)))
    run = store.create_flow_run(NewFlowRun("etl"))
    store.propose(run.id, states.Running(), attempt=1)
    turn(service)
    assert firings(store, "move")[0].actions[0].state == "done"
    assert store.read_flow_run(run.id).state.name == state


def test_a_deleted_run_is_gone_and_another_action_says_so(
    store: Orchestrator, service: AutomationsService
) -> None:
    actions = ({"type": "delete-flow-run"}, {"type": "cancel-flow-run"})
    store.create_automation(NewAutomation("tidy", FAILED, actions))
    ran(store)
    turn(service)
    assert [a.state for a in firings(store, "tidy")[0].actions] == ["done", "failed"]


def test_a_watch_fires_when_it_is_quiet_and_resolves(
    store: Orchestrator, service: AutomationsService
) -> None:
    said = {"expect": ["beat"], "posture": "Proactive", "within": 60}
    store.create_automation(NewAutomation("quiet", said, NOTHING, actions_on_resolve=NOTHING * 2))
    turn(service)
    turn(service, 59)
    assert firings(store, "quiet") == []
    turn(service, 61)
    with clock.frozen(clock.now() + timedelta(seconds=62)):
        emit(store, "beat")
        turn(service)
    fired, resolved = firings(store, "quiet")
    assert (fired.kind, resolved.kind) == ("triggered", "resolved")
    assert (len(fired.actions), len(resolved.actions)) == (1, 2)


def test_another_server_goes_on_where_the_first_stopped(store: Orchestrator) -> None:
    said = {"expect": ["x"], "threshold": 3, "within": 60}
    store.create_automation(NewAutomation("three", said, NOTHING))
    for _ in range(3):
        emit(store, "x")
        turn(AutomationsService(store))
    assert len(firings(store, "three")) == 1
    both = AutomationsService(store), AutomationsService(store)
    for _ in range(4):
        for one in both:
            turn(one)
        emit(store, "x")
    assert len(firings(store, "three")) == 1  # mute until its window ends


def test_what_came_before_it_does_not_count(
    store: Orchestrator, service: AutomationsService
) -> None:
    emit(store, "x")
    store.create_automation(NewAutomation("a", {"expect": ["x"]}, NOTHING))
    turn(service)
    emit(store, "x")
    wait_for(lambda: turn(service) or firings(store, "a"))
    store.update_automation("a", AutomationChange(enabled=False))
    emit(store, "x")
    turn(service)
    store.update_automation("a", AutomationChange(enabled=True))
    turn(service)
    assert len(firings(store, "a")) == 1


def test_a_loop_of_two_is_stopped_after_five(
    store: Orchestrator, service: AutomationsService
) -> None:
    store.create_automation(NewAutomation("ping", {"expect": ["ping"]}, (
        {"type": "emit-event", "event": "pong"},)))  # fmt: skip
    store.create_automation(NewAutomation("pong", {"expect": ["pong"]}, (
        {"type": "emit-event", "event": "ping"},)))  # fmt: skip
    emit(store, "ping")
    for _ in range(12):
        emit(store, "unrelated")  # so that the service looks
        turn(service)
    depths = [one.depth for name in ("ping", "pong") for one in firings(store, name)]
    assert sorted(depths) == [1, 2, 3, 4, 5, 6]
    stopped = store.read_standing("pong")
    assert not stopped.enabled
    assert "5 times over" in (stopped.paused_because or "")


def test_a_loop_over_runs_is_seen_through_them(
    store: Orchestrator, service: AutomationsService
) -> None:
    deploy(store)
    store.create_automation(NewAutomation("again", FAILED, (
        {"type": "run-deployment", "deployment": "etl"},)))  # fmt: skip
    ran(store)
    for _ in range(8):
        turn(service)
        for one in firings(store, "again"):
            for done in one.actions:
                run = store.read_flow_run(done.outcome["flow_run_id"])
                if not run.state.is_final():
                    store.force_state(run.id, states.Failed())
    assert [one.kind for one in firings(store, "again")] == ["triggered"] * 5 + ["stopped"]


def test_more_than_ten_in_a_minute_are_held(
    store: Orchestrator, service: AutomationsService
) -> None:
    store.create_automation(NewAutomation("busy", {"expect": ["x"]}, NOTHING))
    for _ in range(25):
        emit(store, "x")
    turn(service)
    kinds = [one.kind for one in firings(store, "busy")]
    assert (kinds.count("triggered"), kinds.count("held")) == (10, 1)
    assert store.read_standing("busy").held == 15


def test_why_nothing_fired_can_be_read(store: Orchestrator, service: AutomationsService) -> None:
    said = {**FAILED, "match": {"nbflow.resource.name": "someone-else"}}
    store.create_automation(NewAutomation("deaf", said, NOTHING))
    said = {"expect": ["x"], "threshold": 3, "within": 60}
    store.create_automation(NewAutomation("waits", said, NOTHING))
    run = ran(store)
    emit(store, "x")
    turn(service)
    deaf, waits = store.read_standing("deaf"), store.read_standing("waits")
    assert deaf.matched == 0
    assert deaf.missed is not None
    assert deaf.missed["why"] == f"Its nbflow.resource.name is {run.name}, not someone-else."
    assert (waits.seen, waits.matched, waits.behind, len(waits.buckets)) == (1, 1, 0, 1)
    assert waits.buckets[0].deadline_at is not None


def test_a_kept_value_is_known_by_its_preview(
    store: Orchestrator, service: AutomationsService
) -> None:
    said = {"type": "cell-value", "name": "row_count", "operator": "<", "value": 100}
    store.create_automation(NewAutomation("few rows", said, NOTHING))
    turn(service)
    for count in (500, 80):
        run = store.create_flow_run(NewFlowRun("etl"))
        store.propose(run.id, states.Running(), attempt=1)
        kept = ResultRecord(
            ids.uuid7(), clock.now(), run.id, None, "pickle", 1, "0" * 64, b"x",
            preview=repr({"row_count": count, "table": "a table"}),
        )  # fmt: skip
        store.record(Batch(results=(kept,)))
        store.propose(run.id, states.Completed(), attempt=1)
    turn(service)
    (one,) = firings(store, "few rows")
    assert one.reason == "row_count is 80, < 100."


def test_a_trial_reads_the_past_and_does_nothing(store: Orchestrator) -> None:
    for _ in range(5):
        emit(store, "x")
    before = store.seq()
    said = NewAutomation("try", {"expect": ["x"], "threshold": 2, "within": 60}, NOTHING)
    tried = store.test_automation(TestAsked(said))
    assert (tried.read, tried.matched, len(tried.firings)) == (5, 5, 1)
    none = store.test_automation(TestAsked(NewAutomation("try", FAILED, NOTHING)))
    assert none.why_not == "No event had a name that it listens for."
    given = {"event": "x", "resource": {ID: "me"}}
    one = store.test_automation(
        TestAsked(NewAutomation("try", {"expect": ["x"]}, NOTHING), event=given)
    )
    assert len(one.firings) == 1
    assert store.seq() == before


def test_actions_that_leave_are_begun_once_and_given_up_when_interrupted(
    store: Orchestrator, service: AutomationsService
) -> None:
    call = {"type": "call-webhook", "block": "webhook/x", "payload": "{{ flow_run.name }}"}
    store.create_automation(NewAutomation("tell", FAILED, (call, call)))
    run = ran(store)
    turn(service)
    (claimed, firing), (_, _) = store.claim_actions()
    assert store.claim_actions() == ()
    assert store.action_context(claimed.id)["flow_run"]["name"] == run.name
    assert firing.kind == "triggered"
    assert store.finish_action(claimed.id, "done", "200 OK")
    assert not store.finish_action(claimed.id, "failed", "late")
    assert store.give_up_actions() == 0  # this process lives
    states_now = [one.state for one in firings(store, "tell")[0].actions]
    assert states_now == ["done", "running"]


@pytest.mark.parametrize("noun", ["deployment", "work-pool", "work-queue", "automation"])
def test_what_is_named_is_paused_and_resumed(
    store: Orchestrator, service: AutomationsService, noun: str
) -> None:
    deployment = deploy(store)
    store.create_automation(NewAutomation("other", {"expect": ["never"]}, NOTHING))
    target = {
        "deployment": "etl", "work-pool": deployment.work_pool or "", "automation": "other",
        "work-queue": f"{deployment.work_pool}/default",
    }[noun]  # fmt: skip
    for verb in ("pause", "resume"):
        action = {"type": f"{verb}-{noun}", noun.replace("-", "_"): target}
        store.create_automation(NewAutomation(verb, {"expect": [f"{verb}.it"]}, (action,)))

    def paused() -> bool:
        if noun == "deployment":
            return store.read_deployment(target).paused
        if noun == "automation":
            return not store.read_automation(target).enabled
        if noun == "work-pool":
            return store.read_work_pool(target).paused
        return store.read_work_queue(deployment.work_pool or "", "default").paused

    for verb, after in (("pause", True), ("resume", False)):
        emit(store, f"{verb}.it")
        done = wait_for(lambda verb=verb: turn(service) or firings(store, verb))
        assert [one.state for one in done[0].actions] == ["done"], done[0].actions[0].message
        assert paused() is after


def test_a_run_is_suspended_and_resumed(store: Orchestrator, service: AutomationsService) -> None:
    started = {"expect": ["nbflow.flow-run.Running"], "match": {"nbflow.resource.name": "once"}}
    store.create_automation(NewAutomation("stop", started, ({"type": "suspend-flow-run"},)))
    back = {"expect": ["nbflow.flow-run.Suspended"]}
    store.create_automation(NewAutomation("go", back, ({"type": "resume-flow-run"},)))
    run = store.create_flow_run(NewFlowRun("etl", name="once"))
    store.propose(run.id, states.Running(), attempt=1)
    done = wait_for(lambda: turn(service) or firings(store, "go"))
    assert [one.state for one in done[0].actions] == ["done"], done[0].actions[0].message
    names = [one.name for one in store.list_states(run.id)]
    assert names[:3] == ["Pending", "Running", "Suspended"]
    assert store.read_flow_run(run.id).state.message == "It was resumed."


def test_python_says_times_as_timedeltas_lists_automations_and_tries_them(
    store: Orchestrator, service: AutomationsService
) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    expected = EventTrigger(expect=["x"], threshold=2, within=hour)
    two = Automation("two x", expected, NOTHING)
    slow = MetricTrigger(
        metric="duration", operator=">", threshold=5, range=2 * hour, firing_for=5 * minute
    )
    made = Automation("slow", CompoundTrigger(triggers=[slow, expected], within=minute), NOTHING)
    assert made.said.trigger["within"] == 60.0
    assert made.said.trigger["triggers"][0]["range"] == 7200.0
    assert made.said.trigger["triggers"][0]["firing_for"] == 300.0
    assert DeploymentEventTrigger(schedule_after=minute)["schedule_after"] == 60.0
    assert action("run-deployment", deployment="d", schedule_after=minute)["schedule_after"] == 60.0
    emit(store, "x")
    emit(store, "x")
    tried = two.test(hour)
    assert (tried.matched, [one.kind for one in tried.firings]) == (2, ["triggered"])
    assert asyncio.run(two.atest(clock.now())).matched == 0
    two.create()
    made.create()
    assert [one.name for one in Automation.list()] == ["slow", "two x"]
    assert [one.id for one in asyncio.run(Automation.alist())] == [made.id, two.id]
    assert (two.firings(), asyncio.run(two.afirings())) == ((), ())
    assert asyncio.run(two.astanding()).matched == two.standing().matched == 0


@pytest.mark.parametrize("of", ["deployment", "work-pool", "work-queue"])
def test_a_status_is_followed_by_what_really_happens(
    store: Orchestrator, service: AutomationsService, of: str
) -> None:
    deploy(store)
    named = {"deployment": "etl", "work-pool": "etl", "work-queue": "etl/default"}[of]
    for status in ("paused", "active"):
        said = {"type": "status", "of": of, "name": named, "status": status}
        store.create_automation(NewAutomation(status, said, NOTHING))
    for at, paused in enumerate((True, False, True), start=1):
        if of == "deployment":
            store.update_deployment("etl", DeploymentChange(paused=paused))
        elif of == "work-pool":
            store.update_work_pool("etl", WorkPoolChange(paused=paused))
        else:
            store.update_work_queue("etl", "default", WorkQueueChange(paused=paused))
        turn(service)
        fired = {
            name: sum(one.kind == "triggered" for one in firings(store, name))
            for name in ("paused", "active")
        }
        assert fired == {"paused": (at + 1) // 2, "active": at // 2}


@pytest.mark.parametrize("of", ["deployment", "work-pool", "work-queue"])
def test_what_workers_serve_is_ready_until_they_are_gone_and_again_when_one_comes_back(
    store: Orchestrator, service: AutomationsService, of: str
) -> None:
    deploy(store)
    deploy(store, "other")
    named = {"deployment": "etl", "work-pool": "etl", "work-queue": "etl/default"}[of]
    for status in ("ready", "not-ready"):
        said = {"type": "status", "of": of, "name": named, "status": status}
        store.create_automation(NewAutomation(status, said, NOTHING))

    def fired() -> tuple[int, int]:
        turn(service)
        ready, not_ready = (
            sum(one.kind == "triggered" for one in firings(store, name))
            for name in ("ready", "not-ready")
        )
        return ready, not_ready

    owner = owners.current()
    worker = store.register_worker(NewWorker("w", "etl", owner, 1))
    assert fired() == (1, 0)
    store.register_worker(NewWorker("second", "other", owner, 1))
    assert fired() == (1, 0)
    store.lose_worker(worker.id)
    assert fired() == (1, 1)
    store.heartbeat((), worker_id=worker.id)
    assert fired() == (2, 1)
    if of != "deployment":
        assert firings(store, "not-ready")[-1].kind == "resolved"
    if of == "work-pool":
        store.update_work_pool("etl", WorkPoolChange(paused=True))
    else:
        store.update_work_queue("etl", "default", WorkQueueChange(paused=True))
    assert fired() == (2, 1)
    assert firings(store, "ready")[-1].reason.endswith("is paused.")
    store.stop_worker(worker.id)
    if of == "work-pool":
        store.update_work_pool("etl", WorkPoolChange(paused=False))
    else:
        store.update_work_queue("etl", "default", WorkQueueChange(paused=False))
    assert fired() == (2, 2)
    tried = store.test_automation(TestAsked(name_or_id="ready"))
    assert [one.kind for one in tried.firings].count("triggered") == 2
