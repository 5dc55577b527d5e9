"""What a flow returns or raises decides the state it ends in."""

from __future__ import annotations

import pytest

from nbflow import flow, task
from nbflow.exceptions import CancelledRun, FailedRun
from nbflow.states import Cancelled, Completed, Failed, Pending


@task
def good():
    return 1


@task
def bad():
    raise ValueError("bad task")


def final(fn) -> tuple[str, str]:
    state = flow(fn)(return_state=True)
    return state.name, state.message


@pytest.mark.usefixtures("orchestrator")
class TestFinalState:
    def test_a_failed_task_nobody_asked_for_does_not_fail_the_flow(self):
        def body():
            bad.submit()

        assert final(body) == ("Completed", "")

    def test_a_returned_state_is_taken_as_it_is(self):
        assert final(lambda: Completed(name="Fine", message="m")) == ("Fine", "m")
        assert final(lambda: Failed(message="no")) == ("Failed", "no")
        assert final(lambda: Cancelled(message="stop")) == ("Cancelled", "stop")

    def test_one_state_object_may_be_returned_by_many_runs(self, orchestrator):
        shared = Completed(message="same")
        assert [final(lambda: shared) for _ in range(2)] == [("Completed", "same")] * 2
        ids = {run.state.id for run in orchestrator.list_flow_runs().rows}
        assert len(ids) == 2

    def test_a_returned_future_gives_its_state_and_value(self):
        assert flow(lambda: good.submit())() == 1
        with pytest.raises(ValueError, match="bad task"):
            flow(lambda: bad.submit())()

    def test_states_together_complete_when_all_did(self):
        assert final(lambda: [good.submit(), good(return_state=True)])[0] == "Completed"
        members = flow(lambda: (good.submit(), good.submit()))()
        assert [member.result() for member in members] == [1, 1]

    def test_one_failed_among_states_fails_the_flow(self):
        assert final(lambda: [good.submit(), bad.submit()]) == ("Failed", "1/2 failed.")
        with pytest.raises(ValueError, match="bad task"):
            flow(lambda: {good.submit(), bad.submit()})()

    def test_cancelled_beats_failed(self):
        outcome = final(lambda: [Failed(), Cancelled(), Completed()])
        assert outcome == ("Cancelled", "1/3 were cancelled.")

    def test_what_never_finished_fails_the_flow(self):
        assert final(lambda: [Completed(), Pending()]) == ("Failed", "1/2 did not finish.")
        assert final(lambda: Pending())[0] == "Failed"

    def test_states_in_a_dict_or_beside_data_are_only_data(self):
        assert final(lambda: {"a": Failed()})[0] == "Completed"
        assert final(lambda: [Failed(), 3])[0] == "Completed"
        assert final(lambda: [])[0] == "Completed"

    def test_a_state_made_by_hand_has_no_exception_of_its_own(self):
        with pytest.raises(FailedRun, match="no luck"):
            flow(lambda: Failed(message="no luck"))()
        with pytest.raises(CancelledRun):
            flow(lambda: Cancelled())()

    def test_submitted_tasks_end_before_the_flow_does(self, orchestrator):
        @flow
        def returns_early():
            for _ in range(20):
                good.submit()

        returns_early()
        (run,) = orchestrator.list_flow_runs().rows
        runs = orchestrator.list_task_runs(run.id)
        assert [t.state.name for t in runs] == ["Completed"] * 20
        assert all(t.ended_at <= run.ended_at for t in runs)

    def test_quoted_states_are_only_data(self):
        from nbflow import quote

        members = flow(lambda: quote([Failed(), Completed()]))()
        assert [member.name for member in members] == ["Failed", "Completed"]


@pytest.mark.usefixtures("orchestrator")
class TestFailOnTaskFailure:
    """2.x's rule: what a flow that returns nothing has called decides."""

    def strictly(self, fn) -> tuple[str, str]:
        state = flow(fail_on_task_failure=True)(fn)(return_state=True)
        return state.name, state.message

    def test_a_flow_that_called_nothing_completes(self):
        assert self.strictly(lambda: None) == ("Completed", "")

    def test_all_that_completed_completes(self):
        def body():
            good()
            good.submit()

        assert self.strictly(body) == ("Completed", "")

    def test_a_failed_future_nobody_asked_for_fails_the_flow(self):
        def body():
            good()
            bad.submit()

        assert self.strictly(body) == ("Failed", "1/2 failed.")

    def test_a_failure_that_was_caught_fails_the_flow(self):
        def body():
            with pytest.raises(ValueError, match="bad task"):
                bad()

        assert self.strictly(body) == ("Failed", "1/1 failed.")

    def test_the_error_is_the_tasks_own(self):
        with pytest.raises(ValueError, match="bad task"):
            flow(fail_on_task_failure=True)(lambda: bad.submit() and None)()

    def test_a_task_that_never_started_fails_the_flow(self):
        def body():
            good_after = task(lambda x: x)
            good_after.submit(bad.submit())

        name, message = self.strictly(body)
        assert (name, message) == ("Failed", "1/2 failed. 1/2 did not finish.")

    def test_a_value_completes_whatever_failed(self):
        assert self.strictly(lambda: bad.submit() and 5)[0] == "Completed"

    def test_child_runs_count(self):
        def body():
            with pytest.raises(ValueError, match="bad task"):
                flow(lambda: bad())()

        assert self.strictly(body) == ("Failed", "1/1 failed.")

    def test_a_cancelled_child_beats_a_failed_task(self):
        def body():
            bad.submit()
            flow(lambda: Cancelled())(return_state=True)

        assert self.strictly(body) == ("Cancelled", "1/2 were cancelled.")

    def test_a_task_that_succeeded_at_its_second_try_completed(self):
        tries = []

        @task(retries=1)
        def flaky():
            tries.append(1)
            if len(tries) == 1:
                raise ValueError

        assert self.strictly(lambda: flaky() and None) == ("Completed", "")

    def test_each_attempt_of_the_flow_is_judged_by_itself(self):
        tries = []

        @flow(fail_on_task_failure=True, retries=1)
        def body():
            tries.append(1)
            (bad if len(tries) == 1 else good).submit()

        assert body(return_state=True).name == "Completed"
