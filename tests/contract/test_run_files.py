"""Files of runs and results in parts: in order, at their place, sent twice or not; both ways."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from nbflow.exceptions import FileGap, InvalidInput, NbflowError, NotFound
from nbflow.model import ids, states
from nbflow.model.backend import Backend
from nbflow.model.run_files import ResultFile, RunFile


def test_a_file_grows_by_parts_and_a_part_sent_twice_changes_nothing(
    backend: Backend, make: Any
) -> None:
    run = make.run()
    write = backend.write_run_file
    assert write(run.id, 1, "journal.jsonl", b"one\n", offset=0) == 4
    assert write(run.id, 1, "journal.jsonl", b"two\n", offset=4) == 8
    assert write(run.id, 1, "journal.jsonl", b"one\n", offset=0) == 8
    assert write(run.id, 1, "journal.jsonl", b"o\nthree\n", offset=6) == 14
    assert write(run.id, 1, "checkpoint/index.jsonl", b"x", offset=0) == 1
    read = backend.read_run_file
    assert read(run.id, 1, "journal.jsonl", offset=0) == b"one\ntwo\nthree\n"
    assert read(run.id, 1, "journal.jsonl", offset=8) == b"three\n"
    assert read(run.id, 1, "journal.jsonl", offset=14) == b""
    listed = {*backend.list_run_files(run.id)}
    assert listed == {RunFile(1, "journal.jsonl", 14), RunFile(1, "checkpoint/index.jsonl", 1)}


def test_a_part_past_the_end_is_refused_with_the_place_to_go_on(
    backend: Backend, make: Any
) -> None:
    run = make.run()
    backend.write_run_file(run.id, 1, "journal.jsonl", b"one\n", offset=0)
    with pytest.raises(FileGap, match="begins at 4"):
        backend.write_run_file(run.id, 1, "journal.jsonl", b"late\n", offset=9)


def test_an_older_attempt_writes_no_more(backend: Backend, make: Any) -> None:
    run = make.run()
    with pytest.raises(NbflowError) as refused:
        backend.write_run_file(run.id, 7, "journal.jsonl", b"x", offset=0)
    assert refused.value.code == "run.fenced"


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "checkpoint/../../x", ".hidden", "", "a\0b", "x" * 300]
)
def test_no_name_leads_out_of_the_attempts_folder(backend: Backend, make: Any, name: str) -> None:
    run = make.run()
    with pytest.raises(InvalidInput):
        backend.write_run_file(run.id, 1, name, b"x", offset=0)
    with pytest.raises(InvalidInput):
        backend.read_run_file(run.id, 1, name, offset=0)


def test_what_is_not_there_is_not_found(backend: Backend, make: Any) -> None:
    with pytest.raises(NotFound):
        backend.read_run_file(make.run().id, 1, "journal.jsonl", offset=0)
    with pytest.raises(NotFound):
        backend.list_run_files(ids.uuid7())


def test_a_results_file_appears_when_it_is_whole(backend: Backend, make: Any) -> None:
    run = make.run()
    backend.propose(run.id, states.Running(), attempt=1)
    data = bytes(range(256)) * 100
    file = ResultFile(f"results/{run.id}/{ids.uuid7()}", len(data))
    assert backend.lacking_result_files((file,)) == (file.location,)
    assert backend.write_result_file(file, data[:10_000], offset=0) == 10_000
    assert backend.lacking_result_files((file,)) == (file.location,)
    assert backend.write_result_file(file, data[10_000:], offset=10_000) == len(data)
    assert backend.lacking_result_files((file,)) == ()
    back = backend.read_result_file(file.location, offset=0)
    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
    assert backend.write_result_file(file, b"other", offset=0) == len(data), "it stays as it was"
    assert backend.read_result_file(file.location, offset=0)[:5] == data[:5]
