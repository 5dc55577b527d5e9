"""The documentation names everything there is, and only that."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from nbflow import exceptions
from nbflow.cli import table
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


def _rows(page: str) -> list[str]:
    return [line for line in (DOCS / page).read_text().splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_stands_in_the_list(name: str) -> None:
    setting = SETTINGS[name]
    row = f"| `NBFLOW_{name.upper()}` | `{setting.default!r}` | {setting.help} |"
    assert row in _rows("settings.md")


def test_the_list_names_no_other_setting() -> None:
    assert len(_rows("settings.md")) == len(SETTINGS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_stands_in_the_list(error: type[exceptions.NbflowError]) -> None:
    meaning = inspect.cleandoc(error.__doc__ or "").splitlines()[0]
    row = f"| `{error.code}` | `{error.__name__}` | {error.status} | {meaning} |"
    assert row in _rows("errors.md")


def _sections(page: str) -> dict[str, str]:
    parts = re.split(r"^#+ `?(.+?)`?$", (DOCS / page).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("command", table.COMMANDS, ids=lambda command: command.name)
def test_every_command_has_its_section_with_every_option(command: table.Command) -> None:
    section = _sections("cli.md")[f"nbflow {command.name}"]
    taken = command.function().__dict__.get("arguments", ())
    options = [name for argument in taken for name in argument.names if name.startswith("--")]
    assert [option for option in options if f"`{option}" not in section] == []


def test_the_page_has_no_other_command() -> None:
    described = {title for title in _sections("cli.md") if title.startswith("nbflow ")}
    assert described == {f"nbflow {command.name}" for command in table.COMMANDS}


def test_the_state_diagram_is_the_table() -> None:
    drawn = re.findall(r"^ +(\S+) --> ([A-Z]+)\b", (DOCS / "concepts.md").read_text(), re.MULTILINE)
    allowed = {(before or "[*]", after) for before, afters in ALLOWED.items() for after in afters}
    assert set(drawn) == allowed
    assert len(drawn) == len(set(drawn))


@pytest.mark.parametrize("policies", [schedules.Catchup, schedules.Overlap])
def test_every_policy_is_explained(policies: object) -> None:
    explained = {re.match(r"\| `(\w+)`", row) for row in _rows("concepts.md")}
    assert set(policies.__args__) <= {row[1] for row in explained if row}


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
