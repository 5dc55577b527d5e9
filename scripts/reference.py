"""`make docs`: write docs/cli.md, docs/settings.md and docs/errors.md from the code itself."""

from __future__ import annotations

import inspect
from pathlib import Path

from nbflow import exceptions
from nbflow.cli import table
from nbflow.cli.parsing import Argument
from nbflow.settings import SETTINGS

DOCS = Path(__file__).parents[1] / "docs"

CLI = """\
# The command line

`nbflow NOUN VERB`; in a notebook, `%nbflow NOUN VERB` does the same. Names are accepted where ids
are. Errors are one line on standard error; the exit code is 0, 2 for input that was refused, 130
after an interrupt, 1 for any other error. Where `--output` is offered, `--output json` prints
JSON. `NBFLOW_HOME` says where nbflow keeps its files ([settings](settings.md)).
"""

SETTINGS_PAGE = """\
# Settings

Each is an environment variable, and in the Jupyter server also a trait of the same name without
the prefix: `NBFLOW_LEASE_SECONDS=60`, or `c.NbflowApp.lease_seconds = 60` in
`jupyter_server_config.py`. In Python, `nbflow.settings.lease_seconds` is the value. A server's
traits win over the environment.

| variable | default | what it means |
|---|---|---|
"""

ERRORS = """\
# Errors

Every error nbflow raises is a subclass of `nbflow.exceptions.NbflowError` and knows a stable
`code`, the `field` at fault and a `hint` what to do. REST answers with the status and `{"code",
"message", "field"?, "hint"?}`; the command line prints one line and exits with 2 for wrong input,
1 for anything else. Some messages carry a more exact code below the class's own, such as
`cron.out_of_range`.

| code | class | status | what it means |
|---|---|---|---|
"""


def pages() -> dict[Path, str]:
    """Give the text of each page."""
    return {
        DOCS / "cli.md": CLI + "".join(map(_command, table.COMMANDS)),
        DOCS / "settings.md": SETTINGS_PAGE + "".join(map(_setting, SETTINGS)),
        DOCS / "errors.md": ERRORS + "".join(map(_error, _errors())),
    }


def _command(command: table.Command) -> str:
    function = command.function()
    arguments: tuple[Argument, ...] = function.__dict__.get("arguments", ())
    lines = [f"\n## nbflow {command.name}\n", inspect.cleandoc(function.__doc__ or "")]
    if arguments:
        lines += ["\n| | |\n|---|---|", *map(_argument, arguments)]
    return "\n".join(lines) + "\n"


def _argument(argument: Argument) -> str:
    options = argument.options
    # A bar would end the table's column.
    word = options.get("metavar") or "\\|".join(options.get("choices", ()))
    word = word or argument.names[-1].lstrip("-").upper()
    positional = not argument.names[0].startswith("-")
    spelled = word if positional else ", ".join(argument.names)
    valued = not positional and options.get("action") != "store_true"
    shown = f"{spelled} {word}" if valued else spelled
    help = options["help"] % options if "%(" in options["help"] else options["help"]
    return f"| `{shown}` | {help} |"


def _setting(name: str) -> str:
    setting = SETTINGS[name]
    return f"| `NBFLOW_{name.upper()}` | `{setting.default!r}` | {setting.help} |\n"


def _errors() -> list[type[exceptions.NbflowError]]:
    known = vars(exceptions).values()
    return [e for e in known if inspect.isclass(e) and issubclass(e, exceptions.NbflowError)]


def _error(error: type[exceptions.NbflowError]) -> str:
    meaning = inspect.cleandoc(error.__doc__ or "").splitlines()[0]
    return f"| `{error.code}` | `{error.__name__}` | {error.status} | {meaning} |\n"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text)
