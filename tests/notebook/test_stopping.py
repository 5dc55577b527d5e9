"""Asking a run to stop: who may be patient, and who may not."""

from __future__ import annotations

import signal
import threading

import pytest

from nbflow import settings
from nbflow.notebook.stopping import Stop


@pytest.mark.parametrize(
    ("asked", "reason", "urgent"),
    [
        (["interrupt"], "interrupt", False),
        (["cancelled", "interrupt"], "cancelled", False),
        (["interrupt", "interrupt"], "interrupt", True),
        (["cancelled", "interrupt", "terminate"], "cancelled", True),
        (["terminate"], "terminate", False),
        (["interrupt", "orphaned"], "interrupt", True),
    ],
)
def test_the_first_reason_counts_and_a_repeated_one_is_urgent(asked, reason, urgent):
    stop = Stop()
    for word in asked:
        stop.ask(word)
    assert (stop.reason, stop.urgent) == (reason, urgent)


def test_a_listener_hears_what_was_asked_before_it_listened():
    stop, heard = Stop(), []
    stop.ask("terminate")
    with stop.heard_by(lambda: heard.append(stop.reason)):
        stop.ask("terminate")
    stop.ask("terminate")
    assert heard == ["terminate", "terminate"]


def test_an_orphan_is_given_little_time():
    stop = Stop()
    with settings.temporary(interrupt_seconds=10.0, terminate_seconds=5.0):
        stop.ask("interrupt")
        assert stop.graces() == (10.0, 5.0)
        stop.ask("orphaned")
        assert sum(stop.graces()) + stop.goodbye_seconds() < 1.0


def test_signals_are_taken_and_given_back():
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(60)
    assert stop.reason == "terminate"
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_leaves_signals_alone():
    before, inside = signal.getsignal(signal.SIGINT), []

    def other() -> None:
        with Stop().on_signals():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert inside == [before]
