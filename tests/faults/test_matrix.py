"""The faults nbflow answers for, and the tests that strike with each: both lists are whole."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

_KERNELS = "faults/test_real_kernels.py::test_"
_LINE = "faults/test_postgresql_line.py::test_"
_CUT = "faults/test_partition.py::test_"
_FULL = "faults/test_disk_full.py::test_"
_REAPER = "services/test_reaper.py::test_"
_STRUCK = "faults/test_crash_points.py::test_"
_FAR = "acceptance/test_remote_worker.py::test_"

FAULTS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("kill -9 of the kernel", (f"{_KERNELS}a_kernel_killed_with_9",)),
    2: ("the kernel exits by itself", (f"{_KERNELS}a_kernel_that_ends_by_itself",)),
    3: (
        "kill -9 of the process that executes",
        (
            f"{_KERNELS}an_executor_killed_with_9_takes_all_it_started_with_it",
            f"{_KERNELS}an_executor_killed_with_its_kernel_behind_a_shell",
            "faults/test_executor_killed.py::"
            "test_after_kill_9_of_the_executor_the_notebook_is_whole_and_true",
        ),
    ),
    4: (
        "kill -9 of the worker",
        (
            f"{_KERNELS}a_worker_killed_with_9_is_replaced_and_the_next_run_goes_on",
            f"{_STRUCK}a_run_whose_worker_is_struck_is_claimed_again_or_said_to_have_crashed",
            f"{_FAR}a_worker_killed_there_is_noticed_and_its_successor_goes_on",
        ),
    ),
    5: (
        "kill -9 of the server",
        (
            "faults/test_two_servers.py::"
            "test_every_due_instant_is_run_once_though_a_server_is_killed",
            f"{_REAPER}no_lease_is_judged_right_after_a_start",
            "faults/test_task_records.py::"
            "test_a_run_goes_on_while_the_server_is_away_and_all_arrives_in_order",
        ),
    ),
    6: ("the scheduler is killed", (f"{_STRUCK}a_scheduler_that_is_struck_loses_no_instant",)),
    7: (
        "a commit whose outcome is unknown",
        (f"{_LINE}a_commit_whose_answer_is_lost_is_found_and_not_made_again",
         f"{_LINE}a_transaction_whose_line_breaks_before_its_commit_leaves_nothing"),
    ),
    8: (
        "SIGTERM to the worker",
        (f"{_KERNELS}a_worker_told_to_end_drains_and_leaves_well",
         "workers/test_worker.py::test_a_drain_that_runs_out_of_time_ends_the_run"),
    ),
    9: (
        "SIGTERM to the server",
        ("jupyter/test_supervisor.py::test_a_worker_is_there_and_leaves_with_the_server",
         "jupyter/test_supervisor.py::test_a_worker_leaves_when_its_server_is_gone",),
    ),
    10: (
        "the kernel runs out of memory",
        (f"{_KERNELS}memory_that_ran_out_is_said_when_the_system_counted_it",),
    ),
    11: (
        "worker or server run out of memory",
        ("faults/test_kill.py::test_every_due_instant_is_run_once_whoever_is_killed",),
    ),
    12: (
        "disk full: the store",
        (f"{_FULL}a_full_database_refuses_writes_whole_and_goes_on_being_read",
         f"{_FULL}scheduling_waits_for_room_with_its_mark_where_it_was_and_loses_no_instant",
         f"{_FULL}the_api_answers_507"),
    ),
    13: (
        "disk full: results",
        (f"{_FULL}a_result_that_cannot_be_written_is_not_said_to_be_kept",),
    ),
    14: (
        "disk full: logs",
        (f"{_FULL}log_lines_there_is_no_room_for_are_counted_and_the_run_goes_on",),
    ),
    15: (
        "SQLite locked by another program",
        ("faults/test_locked.py::test_writers_wait_for_a_foreign_lock_and_nobody_hears_of_it",
         "faults/test_locked.py::test_no_lease_is_judged_that_nobody_could_renew"),
    ),
    16: (
        "PostgreSQL restarts, or cannot be reached",
        ("store/test_postgresql.py::test_restarts_amid_many_runs_lose_none_and_fail_none",
         f"{_LINE}who_asks_while_the_line_is_gone_hears_so_in_time_and_is_answered_when_it_is_back",
         f"{_LINE}many_writers_over_a_line_that_is_cut_again_and_again_lose_and_double_nothing"),
    ),
    17: (
        "worker and server are parted",
        (
            f"{_CUT}a_run_that_is_cut_off_has_crashed_when_its_lease_ends_and_its_late_word_waits",
            f"{_CUT}of_two_attempts_only_the_newer_is_heard",
            f"{_FAR}what_ends_beyond_a_cut_line_is_kept_and_counts_when_it_is_accepted",
            "contract/test_late_ends.py::"
            "test_an_end_heard_late_is_noted_and_counts_when_it_is_accepted",
        ),
    ),
    18: (
        "two workers of one name",
        ("contract/test_work_pools.py::"
         "test_two_workers_of_one_name_are_two_and_share_the_work",),
    ),
    19: (
        "a slow cell",
        ("notebook/test_asking.py::test_a_cell_out_of_time_is_interrupted_and_tried_again",),
    ),
    20: ("a cell that hears nothing", (f"{_KERNELS}a_cell_that_hears_no_signal_is_cancelled",)),
    21: ("a cell waits for input", (f"{_KERNELS}a_cell_that_asks_fails_at_once",)),
    22: (
        "processes that stay",
        (f"{_KERNELS}what_a_completed_run_left_behind_is_ended",
         "faults/test_cancel.py::test_what_left_the_session_of_its_process_ends_with_the_run"),
    ),
    23: (
        "a damaged result",
        ("test_results.py::test_a_damaged_file_is_an_error_and_never_a_wrong_value",
         "test_results.py::test_a_file_that_is_gone_is_said"),
    ),
    24: (
        "a damaged notebook",
        ("notebook/test_bad_notebooks.py::"
         "test_it_is_refused_everywhere_before_a_kernel_starts",),
    ),
    25: (
        "a notebook that changes or goes while its run waits",
        ("notebook/test_bad_notebooks.py::"
         "test_a_run_of_what_it_became_meanwhile_fails_and_says_so",),
    ),
    26: ("1 GB of output", (f"{_KERNELS}a_flood_of_output_is_cut",)),
    27: (
        "progress bars without end",
        ("notebook/test_running.py::test_progress_bars_become_one_log_line",
         "store/test_journal.py::test_progress_bars_end_as_their_last_line"),
    ),
    28: (
        "a result that cannot be stored",
        ("test_results.py::test_what_cannot_be_stored_completes_and_says_what_and_where",
         "test_results.py::test_what_cannot_be_stored_fails_where_storing_was_asked_for"),
    ),
    30: (
        "10,000 late runs",
        ("orchestration/test_scheduling.py::"
         "test_a_week_of_minutes_missed_is_one_run_and_one_record",
         "orchestration/test_scheduling.py::test_ten_thousand_missed_runs_are_made_up_at_once"),
    ),
    31: (
        "two servers on one store",
        ("faults/test_two_servers.py::"
         "test_every_due_instant_is_run_once_though_a_server_is_killed",
         "orchestration/test_scheduling.py::"
         "test_eight_threads_ticking_at_once_make_each_run_once"),
    ),
    32: (
        "clocks that jump",
        ("services/test_scheduler.py::test_a_clock_set_back_fires_nothing_twice",
         "services/test_scheduler.py::test_an_unbelievable_jump_makes_no_runs_until_it_lasts",
         "faults/test_clock.py::"
         "test_no_healthy_run_is_given_up_in_a_day_of_sleeps_and_jumps"),
    ),
    33: ("summer and winter time", ("model/test_wallclock.py::test_day_of_a_jump",
         "model/test_wallclock.py::test_each_next_is_the_same_from_every_second_between")),
    34: (
        "a machine that sleeps or stands still",
        ("faults/test_clock.py::test_a_machine_that_stood_still_goes_on_and_a_worker_that_did_"
         "alone_is_too_late",
         f"{_FAR}a_machine_that_stood_still_too_long_ends_its_attempt_before_that_goes_on"),
    ),
    35: ("the host restarts", (f"{_REAPER}another_boot_means_dead",)),
    36: (
        "children without end",
        (f"{_KERNELS}a_cell_that_turns_on_its_own_process_ends_its_own_run_at_most",),
    ),
    37: (
        "a time zone that is gone",
        ("services/test_scheduler.py::"
         "test_a_zone_that_is_gone_is_said_and_kept_and_fires_when_it_is_back",),
    ),
    38: (
        "a page that is slow or gone",
        ("faults/test_slow_clients.py::"
         "test_a_page_that_never_reads_costs_little_and_nobody_waits_for_it",
         "jupyter/test_stream.py::test_a_page_that_is_too_slow_is_told_to_start_over"),
    ),
    29: (
        "automations that trigger each other",
        (
            "orchestration/test_automations.py::test_a_loop_of_two_is_stopped_after_five",
            "orchestration/test_automations.py::test_a_loop_over_runs_is_seen_through_them",
            "orchestration/test_automations.py::test_more_than_ten_in_a_minute_are_held",
        ),
    ),
    39: (
        "code that turns on its own process",
        (f"{_KERNELS}a_cell_that_turns_on_its_own_process_ends_its_own_run_at_most",),
    ),
    40: (
        "a migration that is interrupted",
        ("faults/test_migrations_killed.py::"
         "test_a_killed_migration_leaves_the_store_as_it_was_and_the_next_goes_on",),
    ),
}  # fmt: skip

#: what cannot fail yet, for nbflow has no such part
NOT_THERE = {41: "a secret key", 42: "results in stores elsewhere"}


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(one.name for one in tree.body if isinstance(one, kinds))


def test_every_fault_is_listed_once() -> None:
    assert sorted({**FAULTS, **NOT_THERE}) == list(range(1, 43))
    assert not FAULTS.keys() & NOT_THERE.keys()


@pytest.mark.parametrize("number", FAULTS)
def test_its_tests_are_there(number: int) -> None:
    what, named = FAULTS[number]
    assert named, what
    for place in named:
        file, _, test = place.partition("::")
        found = functions_of(file)
        assert test in found, place
