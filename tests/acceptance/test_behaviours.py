"""What users of the field expect first of an engine, one test a behaviour, by public names only.

The numbers are those of the checklist in the project's research; 11, 16–21 and 23–26 belong to
deployments, blocks and automations.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from nbflow import (
    allow_failure,
    flow,
    pause_flow_run,
    resume_flow_run,
    runtime,
    states,
    task,
    transaction,
    unmapped,
)
from nbflow.artifacts import (
    Artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from nbflow.cache_policies import DEFAULT, INPUTS, TASK_SOURCE
from nbflow.concurrency import concurrency, rate_limit
from nbflow.exceptions import InvalidInput, MappingLengthMismatch
from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.states import State


def only_run(orchestrator, flow_name):
    (run,) = [r for r in orchestrator.list_flow_runs().rows if r.flow_name == flow_name]
    return run


def task_runs(orchestrator, flow_name):
    return orchestrator.list_task_runs(only_run(orchestrator, flow_name).id)


def names(task_run):
    return [state.name for state in task_run.history]


# -- 1 and 2: retries ---------------------------------------------------------------------------
def test_1_a_task_fails_twice_then_succeeds(orchestrator):
    tries, failures = [], []

    @task(retries=2, retry_delay_seconds=[0.01, 0.05], on_failure=[lambda *_: failures.append(1)])
    def flaky():
        tries.append(runtime.task_run.run_count)
        if len(tries) < 3:
            raise ValueError("not yet")
        return "done"

    @flow
    def behaviour_1():
        return flaky()

    assert behaviour_1() == "done"
    (run,) = task_runs(orchestrator, "behaviour-1")
    assert names(run) == [
        "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip
    assert tries == [1, 2, 3]
    assert run.run_count == 3
    assert failures == []


@pytest.mark.parametrize("condition", ["refuses", "raises"])
def test_2_a_retry_condition_that_says_no_or_raises_means_no_retry(orchestrator, condition):
    tries = []

    def retriable(task, run, state):
        if condition == "raises":
            raise RuntimeError("the condition itself is broken")
        return False

    @task(retries=3, retry_condition_fn=retriable)
    def broken():
        tries.append(1)
        raise ValueError("no")

    @flow
    def behaviour_2():
        broken()

    with pytest.raises(ValueError, match="no"):
        behaviour_2()
    assert len(tries) == 1


# -- 3 and 4: final states ----------------------------------------------------------------------
def test_3_an_ignored_failed_future_fails_the_flow_only_when_asked_to(orchestrator):
    @task
    def broken():
        raise ValueError("ignored")

    def body():
        broken.submit().wait()

    assert flow(name="as in 3")(body)(return_state=True).is_completed()
    strict = flow(name="as in 2", fail_on_task_failure=True)(body)
    assert strict(return_state=True).is_failed()


def test_4_returned_states_are_judged_together(orchestrator):
    @flow
    def mixed(members):
        return members

    def judged(*members: State) -> State:
        return mixed.with_options(validate_parameters=False)(list(members), return_state=True)

    @flow
    def cancelled_beats_failed():
        return [states.Completed(), states.Cancelled(), states.Failed()]

    @flow
    def one_of_two_failed():
        return [states.Completed(), states.Failed()]

    assert cancelled_beats_failed(return_state=True).is_cancelled()
    found = one_of_two_failed(return_state=True)
    assert found.is_failed()
    assert "1/2" in found.message


# -- 5: upstream --------------------------------------------------------------------------------
def test_5_a_failed_upstream_leaves_the_downstream_not_ready_unless_allowed(orchestrator):
    called = []

    @task
    def broken():
        raise ValueError("upstream")

    @task
    def after(x):
        called.append(x)
        return x

    @flow
    def behaviour_5():
        failed = broken.submit()
        blocked = after.submit(failed)
        blocked.wait()
        allowed = after.submit(allow_failure(failed)).result()
        return blocked.state.name, blocked.state.type.value, type(allowed), str(allowed)

    assert behaviour_5() == ("NotReady", "PENDING", ValueError, "upstream")
    assert [type(x) for x in called] == [ValueError]


# -- 6: map -------------------------------------------------------------------------------------
def test_6_map_follows_its_rules(orchestrator):
    @task
    def join(x, y, sep="-", more=(1, 2)):
        return f"{x}{sep}{y}{len(more)}"

    @flow
    def behaviour_6():
        with pytest.raises(MappingLengthMismatch):
            join.map([1, 2, 3], [1, 2])
        pairs = join.map([1, 2], [3, 4]).result()
        static = join.map([1, 2], "ab", unmapped("+")).result()
        whole = join.map([1, 2], unmapped([7, 8])).result()
        return pairs, static, whole, list(join.map([], "ab"))

    pairs, static, whole, nothing = behaviour_6()
    assert pairs == ["1-32", "2-42"]  # the default `more` is given whole
    assert static == ["1+ab2", "2+ab2"]
    assert whole == ["1-[7, 8]2", "2-[7, 8]2"]
    assert nothing == []


# -- 7: timeout ---------------------------------------------------------------------------------
def test_7_a_timeout_is_a_failure_named_timed_out_and_is_retried(orchestrator):
    tries = []

    @task(timeout_seconds=1.0, retries=1)
    def slow():
        tries.append(1)
        if len(tries) == 1:
            time.sleep(120)
        return "in time"

    @task(timeout_seconds=0.2)
    def slower():
        time.sleep(120)

    @flow
    def behaviour_7():
        return slow(), slower(return_state=True)

    begun = time.monotonic()
    value, state = behaviour_7(return_state=True).result()
    assert time.monotonic() - begun < 100
    assert value == "in time"
    assert (state.name, state.type.value) == ("TimedOut", "FAILED")
    first, _ = task_runs(orchestrator, "behaviour-7")
    assert names(first)[-2:] == ["Retrying", "Completed"]


# -- 8 and 9: pause and suspend -----------------------------------------------------------------
def test_8_a_pause_asks_once_and_takes_only_what_fits(orchestrator, wait_for):
    answers = []

    @flow(retries=1)
    def behaviour_8():
        answers.append(pause_flow_run(wait_for_input=int, key="how many", timeout=60))
        if len(answers) == 1:
            raise ValueError("replay me")
        return answers[-1]

    ended = []
    person = threading.Thread(target=lambda: ended.append(behaviour_8()), daemon=True)
    person.start()
    run = wait_for(
        lambda: next((r for r in orchestrator.list_flow_runs().rows if r.state.is_paused()), None),
        what="the pause",
    )
    with pytest.raises(InvalidInput):
        resume_flow_run(run.id, run_input={"value": "many"})
    assert orchestrator.read_flow_run(run.id).state.is_paused()
    resume_flow_run(run.id, run_input={"value": 3})
    person.join(60)
    assert ended == [3]
    assert answers == [3, 3]  # on the replay nobody was asked


def test_8_a_pause_that_nobody_answers_fails(orchestrator):
    @flow
    def unanswered():
        pause_flow_run(timeout=0.3)

    state = unanswered(return_state=True)
    assert state.is_failed()
    assert "pause" in state.message.lower() or "paus" in state.message.lower()


SUSPENDED = """
    from pathlib import Path
    from nbflow import flow, task, suspend_flow_run

    @task
    def costly(x):
        with Path("calls.txt").open("a") as file:
            file.write("called\\n")
        return x * 2

    @flow
    def behaviour_9(x: int = 21):
        doubled = costly(x)
        suspend_flow_run(key="look at it")
        return doubled

    if __name__ == "__main__":
        behaviour_9()
"""


def test_9_a_suspended_run_leaves_no_process_and_goes_on_from_its_results(
    orchestrator, tmp_path: Path
):
    script = tmp_path / "suspended.py"
    script.write_text(textwrap.dedent(SUSPENDED))
    subprocess.run([sys.executable, script], cwd=tmp_path, timeout=60, capture_output=True)
    run = only_run(orchestrator, "behaviour-9")
    assert (run.state.name, run.state.type.value) == ("Suspended", "PAUSED")

    again = subprocess.run(
        [sys.executable, "-m", "nbflow", "flow-run", "resume", run.id],
        cwd=tmp_path, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert orchestrator.read_flow_run(run.id).state.is_completed()
    assert (tmp_path / "calls.txt").read_text() == "called\n"
    (found,) = orchestrator.list_task_runs(run.id)
    assert found.state.name == "Cached"


# -- 10: the diagram ----------------------------------------------------------------------------
def test_10_what_the_diagram_forbids_does_not_happen(orchestrator):
    from nbflow.model.runs import NewFlowRun
    from nbflow.model.verdicts import Abort, Accept

    run = orchestrator.create_flow_run(NewFlowRun(flow_name="behaviour 10"))
    running = states.Running()
    first = orchestrator.propose(run.id, running, attempt=1)
    assert isinstance(first, Accept)
    again = orchestrator.propose(run.id, running, attempt=1)
    assert isinstance(again, Accept)
    assert [s.name for s in orchestrator.list_states(run.id)] == ["Pending", "Running"]
    orchestrator.propose(run.id, states.Cancelling())
    refused = orchestrator.propose(run.id, states.Running(), attempt=1)
    assert isinstance(refused, Abort)

    done = orchestrator.create_flow_run(NewFlowRun(flow_name="behaviour 10, done"))
    orchestrator.propose(done.id, states.Running(), attempt=1)
    orchestrator.propose(done.id, states.Completed(), attempt=1)
    for another in (states.Running(), states.Scheduled(), states.Pending()):
        assert isinstance(orchestrator.propose(done.id, another), Abort)


# -- 12 and 13: limits --------------------------------------------------------------------------
def nbflow(*args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", *args], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_12_a_task_needs_a_slot_of_each_of_its_tags(orchestrator):
    for tag in ("a", "b"):
        nbflow("concurrency-limit", "create", f"tag:{tag}", "1")
    inside, most, lock = [0], [0], threading.Lock()

    @task(tags=["a", "b"])
    def both():
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        with lock:
            inside[0] -= 1

    @flow
    def behaviour_12():
        for future in [both.submit() for _ in range(4)]:
            future.result()

    behaviour_12()
    assert most == [1]


HOLDER = """
    import sys, time
    from nbflow.concurrency import concurrency
    with concurrency("one", occupy=1):
        print("held", flush=True)
        time.sleep(600)
"""


def test_12_a_killed_holder_gives_its_slot_back(orchestrator):
    nbflow("concurrency-limit", "create", "one", "1")
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with concurrency("one", occupy=1, timeout_seconds=40):
        pass


def test_12_a_limit_of_zero_blocks(orchestrator):
    nbflow("concurrency-limit", "create", "closed", "0")
    with pytest.raises(Exception, match="closed"), concurrency("closed", timeout_seconds=0.3):
        pytest.fail("nothing may come in")


def test_13_a_rate_limit_lets_a_burst_in_and_then_one_a_second(orchestrator):
    nbflow("concurrency-limit", "create", "rate", "2", "--slot-decay-per-second", "1")
    begun = time.monotonic()
    for _ in range(5):
        rate_limit("rate")
    assert time.monotonic() - begun >= 3 - 0.05


# -- 14: caching --------------------------------------------------------------------------------
def test_14_same_inputs_hit_and_refresh_overwrites(orchestrator):
    made = []

    @task(cache_policy=INPUTS)
    def make(x):
        made.append(x)
        return (x, len(made))

    @flow
    def behaviour_14(x):
        return make(x)

    assert behaviour_14(1) == behaviour_14(1) == (1, 1)
    assert behaviour_14(2) == (2, 2)

    @flow
    def refreshed(x):
        return make.with_options(refresh_cache=True)(x)

    assert refreshed(1) == (1, 3)
    assert behaviour_14(1) == (1, 3)


def test_14_changed_source_misses(orchestrator):
    def versions(body: str):
        scope: dict = {}
        source = textwrap.dedent(body)
        import linecache

        name = f"<cell {abs(hash(source))}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), scope)
        return task(cache_policy=INPUTS + TASK_SOURCE)(scope["work"])

    def called(work):
        @flow(name="sources")
        def run():
            return work(1)

        return run()

    assert called(versions("def work(x):\n    return x + 1\n")) == 2
    assert called(versions("def work(x):\n    # a comment\n    return x+1\n")) == 2
    assert called(versions("def work(x):\n    return x + 2\n")) == 3


def test_14_a_hit_expires(orchestrator):
    made = []

    @task(cache_policy=INPUTS, cache_expiration=timedelta(seconds=0.3))
    def make(x):
        made.append(x)
        return x

    @flow
    def expiring():
        make(1)

    expiring()
    expiring()
    assert made == [1]
    time.sleep(0.35)
    expiring()
    assert made == [1, 1]


def test_14_an_input_can_be_left_out(orchestrator):
    made = []

    @task(cache_policy=INPUTS - "debug")
    def make(x, debug):
        made.append(debug)
        return x

    @flow
    def without():
        make(1, debug=True)
        make(1, debug=False)

    without()
    assert made == [True]


def test_14_the_default_is_this_run_alone_and_found_again_by_a_retry(orchestrator):
    made, tries = [], []

    @task(cache_policy=DEFAULT)
    def make(x):
        made.append(x)
        return x

    @flow(retries=1)
    def twice():
        tries.append(make(1))
        if len(tries) == 1:
            raise ValueError("again")

    twice()
    assert made == [1]
    assert task_runs(orchestrator, "twice")[0].state.name == "Cached"
    tries.append(0)
    twice()
    assert made == [1, 1]


# -- 15: transactions ---------------------------------------------------------------------------
def test_15_a_failed_second_task_rolls_the_first_back(orchestrator):
    undone = []

    @task
    def write():
        return "written"

    @write.on_rollback
    def undo(txn):
        undone.append(txn)

    @task
    def fail():
        raise ValueError("second")

    @flow
    def behaviour_15():
        with transaction():
            write()
            fail()

    assert behaviour_15(return_state=True).is_failed()
    assert len(undone) == 1
    first, _ = task_runs(orchestrator, "behaviour-15")
    assert (first.state.name, first.state.type.value) == ("RolledBack", "COMPLETED")
    assert not [
        r for r in orchestrator.list_results(first.flow_run_id).rows if r.task_run_id == first.id
    ]


def test_15_a_committed_key_skips_the_body_next_time(orchestrator):
    done = []

    def once():
        with transaction(key="send-the-mail") as txn:
            if not txn.is_committed():
                done.append(1)
                txn.stage("sent")

    flow(name="first")(once)()
    flow(name="second")(once)()
    assert done == [1]


# -- 22: artifacts ------------------------------------------------------------------------------
def test_22_keys_versions_progress_and_no_run_at_all(orchestrator):
    for bad in ("Upper", "with space", "under_score", "-dash", ""):
        with pytest.raises(InvalidInput):
            create_markdown_artifact("x", key=bad)

    @flow
    def behaviour_22(text):
        create_markdown_artifact(text, key="daily")

    behaviour_22("first")
    behaviour_22("second")
    assert len(orchestrator.list_artifacts(ArtifactFilter(key="daily")).rows) == 2
    latest = Artifact.get("daily")
    assert latest is not None
    assert latest.data == "second"

    outside = create_progress_artifact(-5, key="bar")
    assert Artifact.get("bar").data in (0, 0.0, {"progress": 0.0}, {"progress": 0})
    update_progress_artifact(outside, 250)
    assert Artifact.get("bar").data in (100, 100.0, {"progress": 100.0}, {"progress": 100})
