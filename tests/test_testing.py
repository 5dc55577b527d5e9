"""The harness gives a store of its own, and takes it away again."""

from __future__ import annotations

from nbflow import connect, flow, settings
from nbflow.testing import nbflow_test_harness


def test_runs_inside_the_harness_leave_no_trace_outside(orchestrator, home):
    @flow
    def inside():
        return 1

    with nbflow_test_harness() as backend:
        assert inside() == 1
        assert [r.state.name for r in backend.list_flow_runs().rows] == ["Completed"]
        temporary = settings.home()
        assert temporary != home
    assert not temporary.exists()
    assert settings.home() == home
    assert connect.connect().list_flow_runs().rows == ()
