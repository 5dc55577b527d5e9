"""What runs return is stored, checked, found again; and what cannot be stored is said."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import flow, results, settings, task
from nbflow.cache_policies import INPUTS
from nbflow.exceptions import (
    DamagedResult,
    InvalidInput,
    MissingResult,
    NotFound,
    NotStored,
    ResultGone,
)
from nbflow.model import clock
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.results import ResultStore, get_result_store
from nbflow.states import State
from nbflow.store import result_files

BIG = b"x" * 20_000


def last_run(orchestrator: Orchestrator) -> FlowRun:
    return orchestrator.list_flow_runs().rows[0]


def task_runs(orchestrator: Orchestrator) -> tuple[TaskRun, ...]:
    return orchestrator.list_task_runs(last_run(orchestrator).id)


# -- runs -----------------------------------------------------------------------------------------
def test_a_flow_run_that_is_read_again_gives_its_value(orchestrator: Orchestrator) -> None:
    @flow
    def gives() -> dict[str, list[int]]:
        return {"rows": [1, 2]}

    assert gives() == {"rows": [1, 2]}
    run = last_run(orchestrator)
    assert run.state.result() == {"rows": [1, 2]}
    record = orchestrator.read_result(run.id)
    assert record.preview == "{'rows': [1, 2]}"
    assert record.location is None


@pytest.mark.parametrize("value", [5, BIG], ids=["inline", "file"])
def test_a_task_run_that_is_read_again_gives_its_value(
    orchestrator: Orchestrator, value: Any
) -> None:
    @task
    def same(x: Any) -> Any:
        return x

    @flow
    def calls() -> None:
        same(value)

    calls()
    (run,) = task_runs(orchestrator)
    assert run.result_key is not None
    assert run.state.result() == value
    assert (orchestrator.read_result(run.result_key).location is None) == (value == 5)


def test_another_process_reads_a_value(orchestrator: Orchestrator) -> None:
    @flow
    def gives() -> tuple[int, bytes]:
        return 7, BIG

    gives()
    code = (
        "import sys; from nbflow.connect import connect\n"
        "print(connect().read_flow_run(sys.argv[1]).state.result()[0])"
    )
    command = [sys.executable, "-c", code, last_run(orchestrator).id]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"7\n"


def test_a_value_stays_in_memory_unless_told_otherwise(orchestrator: Orchestrator) -> None:
    @task
    def kept() -> Any:
        return np.zeros(3)

    @task(cache_result_in_memory=False)
    def dropped() -> Any:
        return np.zeros(3)

    @flow(cache_result_in_memory=False)
    def calls() -> Any:
        one, two = kept(return_state=True), dropped.submit()
        assert one.result() is one.result()
        assert two.result() is not two.result()
        assert (two.result() == np.zeros(3)).all()
        return [1]

    state: State = calls(return_state=True)
    assert state.result() == [1]
    assert state.result() is not state.result()


def test_a_result_that_was_opted_out_says_the_exact_fix(orchestrator: Orchestrator) -> None:
    @flow(persist_result=False)
    def gives() -> int:
        return 1

    assert gives(return_state=True).result() == 1
    with pytest.raises(MissingResult, match="persist_result=True"):
        last_run(orchestrator).state.result()
    assert orchestrator.list_results(last_run(orchestrator).id).rows == ()


def test_a_flows_choice_holds_for_its_tasks_and_a_tasks_own_is_stronger(
    orchestrator: Orchestrator,
) -> None:
    @task
    def follows() -> int:
        return 1

    @task(persist_result=True)
    def insists() -> int:
        return 2

    @flow(persist_result=False)
    def calls() -> None:
        follows(), insists()

    calls()
    assert [r.preview for r in orchestrator.list_results(last_run(orchestrator).id).rows] == ["2"]


def test_the_setting_turns_storing_off(orchestrator: Orchestrator) -> None:
    @flow
    def gives() -> int:
        return 1

    with settings.temporary(persist_results=False):
        gives()
    assert orchestrator.list_results(last_run(orchestrator).id).rows == ()


class FailsToReduce:
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


class FailsToShow:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Stranger:
    """Fails in every way that looking at it can fail."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


def unstorable() -> Iterator[tuple[str, Callable[[], Any], str]]:
    yield "lock", threading.Lock, "_thread.lock"
    yield "open file", lambda: open(os.devnull), "TextIOWrapper"  # noqa: SIM115
    yield "socket", socket.socket, "socket"
    yield "reduce", FailsToReduce, "FailsToReduce"
    yield "inside", lambda: {"rows": [1, 2, 3, threading.Lock()]}, "lock at ['rows'][3]"
    yield "stranger", lambda: [Stranger(), threading.Lock()], "lock at [1]"


@pytest.mark.parametrize(
    ("make", "said"), [pytest.param(*case, id=name) for name, *case in unstorable()]
)
def test_what_cannot_be_stored_completes_and_says_what_and_where(
    orchestrator: Orchestrator, make: Callable[[], Any], said: str
) -> None:
    @task
    def gives() -> Any:
        return make()

    @flow
    def calls() -> None:
        state = gives(return_state=True)
        assert state.is_completed()
        assert state.result() is not None

    calls()
    (run,) = task_runs(orchestrator)
    assert run.state.is_completed()
    assert run.note is not None
    assert run.note.startswith("Result not stored: ")
    assert said in run.note
    with pytest.raises(MissingResult, match="Result not stored"):
        run.state.result()


def test_what_cannot_be_stored_fails_where_storing_was_asked_for(
    orchestrator: Orchestrator,
) -> None:
    @task(persist_result=True)
    def gives() -> Any:
        return threading.Lock()

    @flow
    def calls() -> State:
        return gives(return_state=True)

    state = calls(return_state=True)
    assert state.is_failed()
    assert "Result not stored: _thread.lock" in state.message
    with pytest.raises(NotStored):
        state.result()


def cyclic() -> list[Any]:
    made: list[Any] = [1]
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("make", "equal"),
    [
        (lambda: lambda x: x + 1, lambda v: v(1) == 2),
        (lambda: json, lambda v: v is json),
        (lambda: dict, lambda v: v is dict),
        (cyclic, lambda v: v[1] is v),
        (lambda: float("nan"), lambda v: v != v),
        (lambda: "\ud800", lambda v: v == "\ud800"),
        (lambda: 10**5000, lambda v: v == 10**5000),
        (lambda: [FailsToShow()], lambda v: type(v[0]).__name__ == "FailsToShow"),
    ],
    ids=["lambda", "module", "class", "cyclic", "nan", "surrogate", "huge int", "failing repr"],
)
def test_odd_values_are_stored(
    orchestrator: Orchestrator, make: Callable[[], Any], equal: Callable[[Any], bool]
) -> None:
    @flow
    def gives() -> Any:
        return make()

    gives()
    run = last_run(orchestrator)
    assert equal(run.state.result())
    assert len(orchestrator.read_result(run.id).preview) <= 2100


def test_a_generator_inside_a_value_is_named(orchestrator: Orchestrator) -> None:
    @flow
    def gives() -> Any:
        return {"rows": (n for n in [1])}

    assert gives(return_state=True).message == "Result not stored: generator at ['rows']"


def test_a_value_over_the_limit_is_not_stored(orchestrator: Orchestrator) -> None:
    @flow
    def gives() -> Any:
        return BIG

    @flow
    def array() -> Any:
        return np.zeros(10_000)

    with settings.temporary(result_max_bytes=10_000):
        assert "20,000 bytes; 10,000 is the most" in gives(return_state=True).message
        assert "numpy.ndarray of 80,000 bytes" in array(return_state=True).message


def test_a_value_nested_too_deeply_is_said(orchestrator: Orchestrator) -> None:
    @flow
    def gives() -> Any:
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        return deep

    assert "nested too deeply" in gives(return_state=True).message


def test_a_storage_that_fails_does_not_fail_the_run(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    @task(result_storage=str(tmp_path / "file" / "folder"))
    def gives() -> int:
        return 1

    @flow
    def calls() -> str:
        state = gives(return_state=True)
        assert state.result() == 1
        return state.message

    assert calls().startswith("Result not stored: The result storage failed")


def test_secrets_are_masked_in_previews(orchestrator: Orchestrator) -> None:
    from nbflow.model import masking

    @flow
    def gives() -> Any:
        masking.register_secret("hunter2-hunter2")
        return Telling()

    with masking.forgetting():
        gives()
    assert "hunter2" not in orchestrator.read_result(last_run(orchestrator).id).preview


class Telling:
    """Says what is not in it."""

    def __repr__(self) -> str:
        return "-".join(["the password is hunter2", "hunter2"])


def test_a_result_that_holds_a_secret_is_given_and_not_stored(
    orchestrator: Orchestrator, home: Path
) -> None:
    from nbflow.model import masking

    @flow
    def gives() -> list[str]:
        masking.register_secret("hunter2-hunter2")
        return ["the password is hunter2-hunter2"]

    with masking.forgetting():
        state = gives(return_state=True)
        assert state.result() == ["the password is hunter2-hunter2"]
    assert "holds a secret" in state.message
    assert state.is_completed()
    for path in home.rglob("*"):
        assert not path.is_file() or b"hunter2-hunter2" not in path.read_bytes()


# -- where ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("url", ["folder", "memory://kept"])
def test_a_storage_of_ones_own_needs_no_database(home: Path, tmp_path: Path, url: str) -> None:
    url = str(tmp_path / url) if url == "folder" else url

    @task(result_storage=url, result_storage_key="out/{parameters[x]}-{flow_run.flow_name}")
    def gives(x: int) -> list[int]:
        return [x] * 3

    @flow
    def calls() -> None:
        gives(4)

    calls()
    with settings.temporary(database_url="sqlite:////nowhere/at/all.sqlite"):
        record = ResultStore(url).read("out/4-calls")
    assert record.result == [4, 4, 4]
    assert record.metadata.preview == "[4, 4, 4]"


def test_a_storage_key_that_cannot_be_filled_in_is_said(home: Path) -> None:
    @task(result_storage_key="{nonsense}")
    def gives() -> int:
        return 1

    @flow
    def calls() -> str:
        return gives(return_state=True).message

    assert "result_storage_key='{nonsense}' cannot be filled in" in calls()


def test_a_key_cannot_lead_out_of_its_folder(home: Path, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "inside")
    for key in ("../out", "/etc/x", "a/../../b", "\0", ".", "a" * 1500, "x.part", "ä/ö"):
        store.write(key, key)
        assert store.read(key).result == key
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and "inside" not in p.parts]
    assert outside == [p for p in outside if home in p.parents]


def test_the_store_around_is_the_runs_own(home: Path, tmp_path: Path) -> None:
    @task(result_storage=str(tmp_path / "own"))
    def inside() -> str:
        folder = get_result_store().folder
        assert folder is not None
        return folder.url

    @flow
    def calls() -> str:
        assert get_result_store().folder is None
        return inside()

    assert calls() == str(tmp_path / "own")
    assert get_result_store().folder is None


# -- the store by itself --------------------------------------------------------------------------
@pytest.fixture(params=["home", "folder", "memory", "apart"])
def store(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> ResultStore:
    """A store of each kind."""
    match request.param:
        case "home":
            return ResultStore()
        case "folder":
            return ResultStore(tmp_path / "kept")
        case "memory":
            return ResultStore(f"memory://{tmp_path.name}")
        case _:
            return ResultStore(metadata_storage=tmp_path / "keys")


def test_a_store_reads_what_it_wrote(store: ResultStore) -> None:
    for value in (None, {"a": (1, 2)}, BIG):
        store.write("some/key", value)
        assert store.exists("some/key")
        assert store.read("some/key").result == value
    store.delete("some/key")
    assert not store.exists("some/key")
    with pytest.raises(NotFound):
        store.read("some/key")
    with pytest.raises(NotFound):
        store.delete("some/key")


def test_an_expired_result_is_as_if_it_were_not_there(store: ResultStore) -> None:
    store.write("k", 1, expiration=timedelta(minutes=1))
    assert store.exists("k")
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert not store.exists("k")
        with pytest.raises(NotFound):
            store.read("k")


def test_the_async_twins_do_the_same(store: ResultStore) -> None:
    import asyncio

    async def both() -> Any:
        await store.awrite("k", [1])
        assert await store.aexists("k")
        return (await store.aread("k")).result

    assert asyncio.run(both()) == [1]


def test_a_store_with_another_serializer(home: Path, tmp_path: Path) -> None:
    ResultStore(tmp_path, serializer="compressed/json").write("k", {"a": 1})
    assert ResultStore(tmp_path).read("k").result == {"a": 1}
    with pytest.raises(NotStored, match="nan"):
        ResultStore(tmp_path, serializer="json").write("k", float("nan"))
    assert ResultStore(tmp_path).read("k").result == {"a": 1}


@pytest.mark.parametrize("bad", ["", 7, "a\0b", object()])
def test_a_storage_that_is_none_is_refused(home: Path, bad: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        ResultStore(bad)
    assert refused.value.field == "result_storage"


def test_an_unknown_address_is_refused(home: Path) -> None:
    with pytest.raises(InvalidInput, match="nope"):
        ResultStore("nope://x").write("k", 1)


# -- trust ----------------------------------------------------------------------------------------
def the_file(home: Path) -> Path:
    (path,) = [p for p in (home / "results").rglob("*") if p.is_file()]
    return path


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d[:-1] + b"?", lambda d: b""])
def test_a_damaged_file_is_an_error_and_never_a_wrong_value(
    orchestrator: Orchestrator, home: Path, damage: Callable[[bytes], bytes]
) -> None:
    fresh = os.urandom(20_000)  # a value read before is given from memory, undamaged

    @flow
    def gives() -> bytes:
        return fresh

    gives()
    path = the_file(home)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedResult, match="damaged"):
        last_run(orchestrator).state.result()


def test_a_damaged_file_of_a_folder_is_an_error(home: Path, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "f")
    store.write("k", [1, 2, 3])
    path = tmp_path / "f" / "k"
    path.write_bytes(path.read_bytes().replace(b"K\x02", b"K\x09"))
    with pytest.raises(DamagedResult):
        ResultStore(tmp_path / "f").read("k")
    path.write_bytes(b"something else")
    with pytest.raises(DamagedResult, match="not a result"):
        ResultStore(tmp_path / "f").read("k")


def test_a_file_that_is_gone_is_said(orchestrator: Orchestrator, home: Path) -> None:
    @flow
    def gives() -> bytes:
        return BIG[1:]

    gives()
    the_file(home).unlink()
    with pytest.raises(ResultGone, match="removed"):
        last_run(orchestrator).state.result()


def test_files_read_lately_stay_in_memory_up_to_their_bytes(home: Path) -> None:
    with settings.temporary(result_memory_bytes=50_000):
        store = ResultStore()
        values = {f"k{n}": os.urandom(20_000) for n in range(4)}
        for key, value in values.items():
            store.write(key, value)
        records = {key: store.read(key).metadata for key in values}
        for path in files(home):
            path.unlink()
        assert results.load(records["k3"]) == values["k3"]
        assert results.load(records["k2"]) == values["k2"]
        with pytest.raises(ResultGone):
            results.load(records["k0"])


def test_a_value_whose_class_is_not_here_is_said(orchestrator: Orchestrator) -> None:
    ResultStore().write("k", FailsToShow())
    record = orchestrator.read_result("k")
    broken = record.data.replace(b"FailsToShow", b"FailsToShew")  # type: ignore[union-attr]
    with pytest.raises(MissingResult, match="cannot be read here"):
        results.load(replace(record, data=broken, sha256=sha256(broken).hexdigest()))


def test_looking_at_results_runs_no_code(orchestrator: Orchestrator, tmp_path: Path) -> None:
    """P12: a result that would write a file when it is unpickled is listed, read and pruned."""
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (trap,))

    ResultStore().write("trap", Trap())
    ResultStore(tmp_path / "f").write("trap", [Trap(), BIG])
    assert "Trap" in orchestrator.read_result("trap").preview
    assert ResultStore(tmp_path / "f").exists("trap")
    orchestrator.prune_results(clock.now(), dry_run=True)
    assert not trap.exists()
    ResultStore().read("trap")
    assert trap.exists()


KILLED = """
import os, sys, signal
from nbflow import flow, task
from nbflow.store import result_files
write = result_files.write_home
def killed(data, run):
    if sys.argv[1] == "before": os.kill(os.getpid(), signal.SIGKILL)
    location = write(data, run)
    os.kill(os.getpid(), signal.SIGKILL)
result_files.write_home = killed
@task
def big(): return b"x" * 20_000
@flow
def calls(): return big()
calls()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_write_leaves_no_completed_without_a_result(
    home: Path, when: str
) -> None:
    from nbflow import connect
    from nbflow.services.reaper import Reaper

    done = subprocess.run([sys.executable, "-c", KILLED, when], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    backend = connect.connect()
    assert isinstance(backend, Orchestrator)
    Reaper(backend).run_once(clock.now())
    run = last_run(backend)
    assert run.state.is_crashed()
    for one in backend.list_task_runs(run.id):
        assert not one.state.is_completed()
    assert backend.list_results(run.id).rows == ()


def test_after_kill_9_every_completed_task_has_its_result(home: Path) -> None:
    from nbflow import connect
    from nbflow.services.reaper import Reaper

    code = (
        "import os, signal\n"
        "from nbflow import flow, task\n"
        "@task\n"
        "def same(n): return n if n % 10 else b'x' * 20_000\n"
        "@flow\n"
        "def calls():\n"
        "    for n in range(100): same(n)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "calls()\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    backend = connect.connect()
    assert isinstance(backend, Orchestrator)
    Reaper(backend).run_once(clock.now())
    runs = task_runs(backend)
    assert [run.state.name for run in runs] == ["Completed"] * 100
    assert [run.state.result() for run in runs[1:10]] == list(range(1, 10))
    assert runs[0].state.result() == b"x" * 20_000


# -- retention ------------------------------------------------------------------------------------
def files(home: Path) -> list[Path]:
    return [p for p in (home / "results").rglob("*") if p.is_file()]


def test_old_results_and_stray_files_are_pruned(orchestrator: Orchestrator, home: Path) -> None:
    store = ResultStore()
    store.write("old", BIG)
    stray = home / result_files.write_home(b"stray", None)
    with clock.frozen(clock.now() + timedelta(days=20)):
        store.write("new", BIG)
        (record,) = [orchestrator.read_result("new")]
        os.utime(home / str(record.location), (clock.now().timestamp(),) * 2)
    with clock.frozen(clock.now() + timedelta(days=31)):
        told = results.prune(dry_run=True)
        assert (told.results, told.files) == (1, 1)
        assert len(files(home)) == 3
        assert results.prune() == told
        assert results.prune() == results.Pruned(0, 0, 0)
    assert not store.exists("old")
    assert store.exists("new")
    assert not stray.exists()


def test_deleting_a_run_deletes_its_results_and_files(
    orchestrator: Orchestrator, home: Path
) -> None:
    @task
    def big(n: int) -> bytes:
        return BIG + bytes([n])

    @flow
    def calls() -> bytes:
        return big(1) + big(2)

    calls()
    run = last_run(orchestrator)
    assert len(files(home)) == len(orchestrator.list_results(run.id).rows) == 3
    ResultStore().write("other", BIG)
    orchestrator.delete_flow_run(run.id)
    assert orchestrator.list_results(run.id).rows == ()
    assert len(files(home)) == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("result_storage", 7),
        ("result_storage", ""),
        ("result_serializer", "nope"),
        ("cache_policy", "INPUTS"),
    ],
)
def test_bad_options_are_refused_when_the_decorator_runs(option: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        task(**{option: value})(lambda: 1)
    assert refused.value.field == option


def test_two_options_that_both_name_the_key_are_told(caplog: pytest.LogCaptureFixture) -> None:
    task(cache_policy=INPUTS, cache_key_fn=lambda context, parameters: "k")(lambda: 1)
    assert "cache_policy is not heeded: cache_key_fn" in caplog.text
