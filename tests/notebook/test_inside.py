"""Saving and restoring names, as a kernel is asked to: in interpreters of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbflow.notebook import checkpoints

ASKED: dict[str, Any] = {
    "what": "save", "batch": "b", "after": "c1", "bytes": 10**8, "seconds": 10.0, "first": [],
    "defined": [], "touched": [], "only_new": False, "changed": [], "read": [], "random": False,
}  # fmt: skip


def python(*steps: str) -> str:
    """Execute steps in one interpreter, as the cells of a notebook; give what they print."""
    text = "\n".join(f"exec(compile({step!r}, 'cell', 'exec'), globals())" for step in steps)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(folder: Path, **asked: Any) -> str:
    """Give the step that carries out a request."""
    whole = {**ASKED, "folder": str(folder / "checkpoint"), "answer": str(folder / "a.json")}
    return checkpoints.request({**whole, **asked}, again="only_new" in asked and "read" in asked)


def restore(folder: Path, *names: str) -> str:
    found = checkpoints.find(folder)
    items = [
        {"name": name, "result_key": "", **json.loads(found.saved[name][-1].place)}
        for name in names
    ]
    return ask(folder, what="restore", items=items)


def test_names_of_one_object_mean_one_object_again(tmp_path: Path) -> None:
    made = "a = [1]\nb = a\nc = {'in': a}\nclass K: pass\nk = K(); k.c = c\nc['k'] = k"
    python(made, ask(tmp_path, defined=["K"]))
    assert sorted(checkpoints.find(tmp_path).saved) == ["a", "b", "c", "k"]
    seen = "print(a is b, c['in'] is a, k.c['in'] is a, type(k) is K, c['k'].c is not None)"
    back = restore(tmp_path, "a", "b", "c", "k")
    assert python("class K: pass", back, seen) == "True True True True True\n"


def test_what_cannot_be_saved_is_told_with_its_type_and_the_reason(tmp_path: Path) -> None:
    python("import threading\nlock = threading.Lock()\ngen = (x for x in [])\nn = 1", ask(tmp_path))
    found = checkpoints.find(tmp_path)
    assert sorted(found.saved) == ["n"]
    assert found.lost["lock"] == (
        "a _thread.lock that could not be saved (TypeError: cannot pickle '_thread.lock' object)"
    )
    assert "generator" in found.lost["gen"]


def test_what_is_too_large_is_left_out_and_what_is_needed_comes_first(tmp_path: Path) -> None:
    python("a = bytes(900_000)\nz = bytes(900_000)\nn = 1",
           ask(tmp_path, bytes=1_000_000, first=["z"]))  # fmt: skip
    found = checkpoints.find(tmp_path)
    assert sorted(found.saved) == ["n", "z"]
    assert "it is too large" in found.lost["a"]
    kept = sum(file.stat().st_size for file in (tmp_path / "checkpoint").iterdir())
    assert kept < 1_000_000


def test_only_what_changed_is_saved_again(tmp_path: Path) -> None:
    steps = [
        "rows = [1]\nframe = {'x': list(range(1000))}\nn = 5",
        ask(tmp_path, only_new=True, batch="b1"),
        "rows.append(2)\nm = n",
        ask(tmp_path, only_new=True, batch="b2", after="c2", read=["rows", "frame", "n"]),
    ]
    python(*steps)
    saved = checkpoints.find(tmp_path).saved
    assert [one.after for one in saved["rows"]] == ["c1", "c2"]
    assert [one.after for one in saved["frame"]] == ["c1"]
    assert [one.after for one in saved["m"]] == ["c2"]


def test_a_checkpoint_that_was_not_finished_counts_for_nothing(tmp_path: Path) -> None:
    python("a = 1", ask(tmp_path, batch="b1"), "a = 2", ask(tmp_path, batch="b2", after="c2"))
    index = tmp_path / "checkpoint" / checkpoints.INDEX
    whole = index.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1]) + 2):
        index.write_bytes(whole[:-cut])
        assert [one.after for one in checkpoints.find(tmp_path).saved["a"]] == ["c1"]


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    python("a = list(range(100))", ask(tmp_path))
    (file,) = (tmp_path / "checkpoint").glob("*.pickle")
    data = bytearray(file.read_bytes())
    data[50] ^= 1
    file.write_bytes(data)
    found = checkpoints.find(tmp_path)
    assert (found.saved, found.lost) == ({}, {"a": "a list whose saved copy is damaged"})
