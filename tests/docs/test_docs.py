"""The documentation names everything there is, and only that."""

from __future__ import annotations

import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from nbflow import exceptions, states
from nbflow.cli import table
from nbflow.engine.options import FlowOptions, RunOptions, TaskOptions
from nbflow.model import schedules
from nbflow.rules.transitions import ALLOWED
from nbflow.settings import SETTINGS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ERRORS = [
    error
    for error in vars(exceptions).values()
    if inspect.isclass(error) and issubclass(error, exceptions.NbflowError)
]

#: the programs of two pages by their heading, each with what it prints
EXAMPLES = [
    (heading, *example)
    for page in ("engine.md", "notebooks.md")
    for heading, body in re.findall(
        r"^## (.*?)\n(.*?)(?=^## |\Z)", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL
    )
    for example in re.findall(r"^```python\n(.*?)^```\n```text\n(.*?)^```", body, re.M | re.S)
]
PAGES = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["pages"]()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_reference_is_what_the_code_says(page: Path) -> None:
    assert page.read_text() == PAGES[page], "`make docs` writes it anew"


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`NBFLOW_{name.upper()}`" in (DOCS / "settings.md").read_text()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_is_documented(error: type[exceptions.NbflowError]) -> None:
    assert f"| `{error.code}` | `{error.__name__}` |" in (DOCS / "errors.md").read_text()


@pytest.mark.parametrize("command", table.COMMANDS, ids=lambda command: command.name)
def test_every_command_is_documented_with_every_option(command: table.Command) -> None:
    page = (DOCS / "cli.md").read_text()
    section = page.split(f"\n## nbflow {command.name}\n")[1].split("\n## ")[0]
    taken = command.function().__dict__.get("arguments", ())
    assert [
        a.names for a in taken if f"`{', '.join(a.names)}" not in section and a.names[0][0] == "-"
    ] == []


def test_the_state_diagram_is_the_table() -> None:
    drawn = re.findall(r"^ +(\S+) --> ([A-Z]+)\b", (DOCS / "concepts.md").read_text(), re.MULTILINE)
    allowed = {(before or "[*]", after) for before, afters in ALLOWED.items() for after in afters}
    assert set(drawn) == allowed
    assert len(drawn) == len(set(drawn))


def test_every_state_is_explained() -> None:
    explained = (DOCS / "concepts.md").read_text().split("\n## States\n")[1].split("```mermaid")[0]
    names = [name for name in states.__all__ if name not in ("State", "StateType", "TERMINAL")]
    assert [name for name in names if f"`{name}`" not in explained] == []
    assert [kind for kind in states.StateType if f"| {kind} |" not in explained] == []


def test_every_option_of_flows_and_tasks_is_explained() -> None:
    shown = (DOCS / "engine.md").read_text().split("\n## Futures and map\n")[0]
    explained: dict[str, set[str]] = {"flow": set(), "task": set()}
    for names, flow, task in re.findall(r"^\| (`.*?) \| (✓?) ?\| (✓?) ?\|", shown, re.MULTILINE):
        for what, ticked in (("flow", flow), ("task", task)):
            explained[what] |= set(re.findall(r"`(\w+)`", names)) if ticked else set()
    shared = set(RunOptions.__annotations__)
    assert explained["flow"] - {"task_run_name"} == shared | set(FlowOptions.__annotations__)
    assert explained["task"] - {"flow_run_name"} == shared | set(TaskOptions.__annotations__)


@pytest.mark.parametrize(
    ("program", "printed"),
    [example[1:] for example in EXAMPLES],
    ids=[example[0] for example in EXAMPLES],
)
def test_every_example_prints_what_it_says(program: str, printed: str, home: Path) -> None:
    script = home.parent / "example.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "NBFLOW_HOME": str(home)},
    )  # fmt: skip
    assert (done.stdout, done.returncode) == (printed, 0), done.stderr


@pytest.mark.parametrize("policies", [schedules.Catchup, schedules.Overlap])
def test_every_policy_is_explained(policies: object) -> None:
    explained = re.findall(r"^\| `(\w+)`", (DOCS / "concepts.md").read_text(), re.MULTILINE)
    assert set(get_args(policies)) <= set(explained)


@pytest.mark.parametrize(
    "page", [*DOCS.glob("*.md"), *ROOT.glob("*.md")], ids=lambda page: page.name
)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_shows_only_commands_that_exist() -> None:
    shown = re.findall(
        r"^(?:\$ )?nbflow ([a-z-]+)(?: ([a-z-]+)\b)?",
        (ROOT / "README.md").read_text(),
        re.MULTILINE,
    )
    known = {command.words for command in table.COMMANDS}
    assert shown
    for words in shown:
        assert (words[0],) in known or words in known, f"nbflow {' '.join(words)}"


def test_what_there_is_to_make_is_described_and_nothing_else() -> None:
    targets = re.findall(r"^([a-z]+):.* ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    described = re.findall(
        r"^\| `make ([a-z]+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert set(described) == set(targets) - {"help", "clean"}
    pages = [page.read_text() for page in (*ROOT.glob("*.md"), *ROOT.glob("*/*.md"))]
    named = {name for page in pages for name in re.findall(r"`make ([a-z]+)", page)}
    assert named <= set(targets)


@pytest.mark.parametrize(
    "proof", re.findall(r"`(tests/[^`]+)`", (DOCS / "promises.md").read_text())
)
def test_every_promise_names_a_proof_that_is_there(proof: str) -> None:
    path, _, name = proof.partition("::")
    assert (ROOT / path).exists()
    assert not name or f"def {name}(" in (ROOT / path).read_text()
