"""Tab in a real kernel: flags, values and names on nbflow's lines, and nothing elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbflow.cli import table


def offered(kernel: Any, code: str) -> list[str]:
    """Give what Tab offers at `|`, or at the end: the whole line up to the cursor."""
    at = code.find("|") if "|" in code else len(code)
    content = kernel.client.complete(code.replace("|", "", 1), at, reply=True, timeout=30)[
        "content"
    ]
    assert content["status"] == "ok"
    assert content["cursor_end"] == at or not content["matches"]
    return content["matches"]


@pytest.fixture(scope="module", autouse=True)
def _defined(kernel: Any) -> None:
    code = "from nbflow import task, flow\n@task\ndef clean_up(): ...\n@flow\ndef report(): ...\n"
    assert kernel.run(code).ok
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [],
            "execution_count": None}  # fmt: skip
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": [cell]}
    (kernel.home / "nightly.ipynb").write_text(json.dumps(whole))
    assert kernel.run("%nbflow deploy nightly.ipynb").ok


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%task a --ret", ["--retries", "--retry-delay", "--returns"]),
        ("%%task a --retries 2 --retr", ["--retry-delay"]),
        ("# nbflow: task a --ca", ["--cache"]),
        ("%%time\n%%task a --ca", ["--cache"]),
        ("%%task a --cache ", ["inputs", "source", "none"]),
        ("%%task a --cache s", ["source"]),
        ("%%task a --cache inputs,", ["inputs", "source", "none"]),
        ("%%flow a --task-runner p", ["processes"]),
        ("%%flow a --par", ["--params"]),
        ("# nbflow: f", ["flow"]),
        ("%%task cle", ["clean_up"]),
        ("%%flow rep", ["report"]),
        ("%nbflow dep", ["deploy", "deployment"]),
        ("%nbflow flow-run in", ["inspect"]),
        ("%nbflow flow-run ls --out", ["--output"]),
        ("%nbflow flow-run ls --output j", ["json"]),
        ("%nbflow deployment inspect ni", ["nightly"]),
        ("%nbflow deployment run ", ["nightly"]),
        ("%nbflow deploy rep", ["report"]),
        ("%nbflow deploy --cat", ["--catchup"]),
        ("%nbflow config autoload o", ["on", "off"]),
        ("x = 1\n%nbflow config autol", ["autoload"]),
    ],
)
def test_what_may_stand_there_is_offered(kernel: Any, line: str, expected: list[str]) -> None:
    assert offered(kernel, line) == expected


def test_all_of_the_command_line_is_offered(kernel: Any) -> None:
    assert offered(kernel, "%nbflow ") == [*table.nouns(), "--help"]
    for noun in table.nouns():
        verbs = [command.words[1:] for command in table.of_noun(noun)]
        if verbs != [()]:
            assert offered(kernel, f"%nbflow {noun} ") == list(dict.fromkeys(v[0] for v in verbs))
        for first in {verb[0] for verb in verbs if len(verb) > 1}:
            below = [verb[1] for verb in verbs if verb[0] == first]
            assert offered(kernel, f"%nbflow {noun} {first} ") == below


@pytest.mark.parametrize("kind", ["task", "flow"])
def test_the_cursor_may_stand_within_the_cell(kernel: Any, kind: str) -> None:
    assert "--timeout" in offered(kernel, f"%%{kind} a --ti|\nx = 1\n")


@pytest.mark.parametrize(
    "code", ["x = 1\n%%task a --re", "print('%%task a --re", "%%tasks --re", "# nbflow task --re"]
)
def test_other_lines_are_left_alone(kernel: Any, code: str) -> None:
    assert "--retries" not in offered(kernel, code)


def test_a_flow_is_not_offered_as_a_task(kernel: Any) -> None:
    assert "report" not in offered(kernel, "%%task rep")


def test_names_of_variables_are_offered_as_ever(kernel: Any) -> None:
    assert "clean_up" in offered(kernel, "%%task a\nclea")
    assert "nightly.ipynb" in offered(kernel, "%nbflow run night")


@pytest.mark.parametrize("line", ["%nbflow 'x", "%nbflow \\", "%%task --cache=", "%nbflow x y z "])
def test_a_line_that_makes_no_sense_offers_nothing_and_says_nothing(kernel: Any, line: str) -> None:
    assert "--retries" not in offered(kernel, line)
    reply = kernel.run("1")
    assert reply.text("stderr") == ""


def test_without_a_store_nothing_is_offered_and_nothing_fails(start_kernel: Any) -> None:
    kernel = start_kernel(NBFLOW_DATABASE_URL="mysql://nowhere")
    assert "nightly" not in offered(kernel, "%nbflow deployment run ni")
    assert kernel.run("2").results == ["2"]


def test_unloaded_it_offers_nothing(start_kernel: Any) -> None:
    kernel = start_kernel()
    assert offered(kernel, "%%task a --retri") == ["--retries"]
    assert kernel.run("%unload_ext nbflow").ok
    assert offered(kernel, "%%task a --retri") == []
