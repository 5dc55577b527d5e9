"""What Tab offers where nbflow's magics stand: flags, values, names; an IPython matcher.

Everything comes from what this kernel knows, save the names of deployments: these are read from the
store on a thread of its own, kept for some seconds, and waited for only a moment.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from nbflow.model import cell_options, clock
from nbflow.model.pages import every

_log = logging.getLogger("nbflow.ipython")

_CELL = re.compile(r"(?:%%|#[ \t]*nbflow:[ \t]*)(?P<kind>task|flow)[ \t]+(?P<rest>.*)$")
_KIND = re.compile(r"#[ \t]*nbflow:[ \t]*(?P<part>\w*)$")
_LINE = re.compile(r"[ \t]*%nbflow[ \t]+(?P<rest>.*)$")
_CACHE = (*cell_options.CACHE_PARTS, "none")
#: how long the names of deployments are kept, and how long Tab waits for them
_KEPT_SECONDS = 5.0
_PATIENCE_SECONDS = 0.3

#: what is offered, and what kind of thing it is
Offers = Iterable[tuple[str, str]]


class Completion:
    """Tab on nbflow's lines, in one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._deployments = _Names(_deployment_names)

        @context_matcher(identifier="nbflow")
        def matcher(context: Any) -> Any:
            try:
                part, offers = self._at(context)
            except Exception:  # a line half typed is no error, and Tab must never be one
                _log.debug("no completion", exc_info=True)
                part, offers = "", ()
            found = [
                SimpleCompletion(text=text, type=kind)
                for text, kind in dict.fromkeys(offers)
                if text.startswith(part)
            ]
            return {
                "completions": found,
                "matched_fragment": part,
                "ordered": True,
                "suppress": bool(found),
            }

        self._matcher = matcher

    def put(self) -> None:
        """Let the shell ask."""
        self._shell.Completer.custom_matchers.insert(0, self._matcher)

    def take(self) -> None:
        """Let the shell ask no longer."""
        self._shell.Completer.custom_matchers.remove(self._matcher)

    def _at(self, context: Any) -> tuple[str, Offers]:
        """Give the part of a word before the cursor, and what it may become."""
        before = context.text_until_cursor
        if found := _LINE.match(before):
            words, part = _split(found["rest"])
            return part, self._command(words, part)
        above = context.full_text.split("\n")[: context.cursor_line]
        if not all(line.startswith(("%%", "#")) or not line.strip() for line in above):
            return "", ()
        if found := _CELL.match(before):
            return self._cell(found["kind"], found["rest"])
        if found := _KIND.match(before):
            return found["part"], [("task", "magic"), ("flow", "magic")]
        return "", ()

    # -- %%task and %%flow ------------------------------------------------------------------
    def _cell(self, kind: str, rest: str) -> tuple[str, Offers]:
        words, part = _split(rest)
        last = words[-1] if words else ""
        if last == "--cache" or last == "--params":
            part = part.rpartition(",")[2]
        values = self._values(last, words)
        if values is not None:
            return part, values
        own = () if words or part.startswith("-") else self._defined(kind)
        return part, [*own, *_flags(kind, words)]

    def _values(self, flag: str, words: Sequence[str]) -> Offers | None:
        """Give what may follow a flag; None: another flag may."""
        if flag == "--cache":
            return [(value, "value") for value in _CACHE]
        if flag == "--task-runner":
            from nbflow.task_runners import NAMES

            return [(name, "value") for name in sorted(NAMES)]
        if flag == "--params":
            flow = self._shell.user_ns.get(words[0])
            named = getattr(getattr(flow, "signature", None), "parameters", {})
            return [(f"{name}=", "param") for name in named]
        option = next((o for o in cell_options.OPTIONS if f"--{o.flag}" == flag), None)
        return () if option is not None and option.metavar else None

    def _defined(self, kind: str) -> Iterator[tuple[str, str]]:
        """Give the names of the tasks or the flows there are."""
        from nbflow.flows import Flow
        from nbflow.tasks import Task

        shape: type = Task if kind == "task" else Flow
        for name, value in tuple(self._shell.user_ns.items()):
            if isinstance(value, shape) and not name.startswith("_"):
                yield name, kind

    # -- %nbflow ------------------------------------------------------------------------------
    def _command(self, words: Sequence[str], part: str) -> Offers:
        from nbflow.cli import table

        if not words:
            return [(noun, "command") for noun in (*table.nouns(), "--help")]
        of_noun = table.of_noun(words[0])
        said = tuple(words)
        below = [
            c.words for c in of_noun if len(c.words) > len(said) and c.words[: len(said)] == said
        ]
        if below:
            return [(word, "command") for word in dict.fromkeys(w[len(said)] for w in below)]
        command = next((c for c in of_noun if c.words == tuple(words[: len(c.words)])), None)
        if command is None:
            return ()
        return self._arguments(command, words[len(command.words) :], part)

    def _arguments(self, command: Any, words: Sequence[str], part: str) -> Offers:
        arguments = command.function().__dict__.get("arguments", ())
        last = words[-1] if words else ""
        choices = next((a.options.get("choices") for a in arguments if last in a.names), None)
        if last.startswith("-") and choices:
            return [(str(choice), "value") for choice in choices]
        if part.startswith("-"):
            flags = (name for item in arguments for name in item.names if name.startswith("--"))
            return [(flag, "option") for flag in (*flags, "--help") if flag not in words]
        first = not any(not word.startswith("-") for word in words)
        return self._first(command, arguments) if first else ()

    def _first(self, command: Any, arguments: Sequence[Any]) -> Offers:
        """Give what a command's first word may be."""
        if command.words == ("deploy",):
            return [(name, "flow") for name, _ in self._defined("flow")]
        if command.words[0] == "deployment" and any("name" in item.names for item in arguments):
            return [(name, "deployment") for name in self._deployments.now()]
        choices = (
            c for a in arguments if a.names[0][0] != "-" for c in a.options.get("choices", ())
        )
        return [(str(choice), "value") for choice in choices]


class _Names:
    """Names that are read elsewhere: kept a while, and never waited for long."""

    def __init__(self, read: Callable[[], Sequence[str]]) -> None:
        self._read = read
        self._names: Sequence[str] = ()
        self._until = 0.0
        self._thread: threading.Thread | None = None

    def now(self) -> Sequence[str]:
        """Give the names as they were last read."""
        if clock.monotonic() >= self._until and (
            self._thread is None or not self._thread.is_alive()
        ):
            self._thread = threading.Thread(target=self._look, name="nbflow-names", daemon=True)
            self._thread.start()
        if self._thread is not None:
            self._thread.join(_PATIENCE_SECONDS)
        return self._names

    def _look(self) -> None:
        try:
            self._names = self._read()
        except Exception:  # nothing is offered then; a command would say why
            _log.debug("the names of deployments cannot be read", exc_info=True)
        self._until = clock.monotonic() + _KEPT_SECONDS


def _deployment_names() -> list[str]:
    from nbflow.connect import connect

    return [deployment.name for deployment in every(connect().list_deployments)]


def _flags(kind: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for option in cell_options.OPTIONS:
        if kind in option.kinds and f"--{option.flag}" not in words:
            yield f"--{option.flag}", "option"


def _split(rest: str) -> tuple[list[str], str]:
    """Give the whole words, and the part of one before the cursor."""
    *words, part = re.split(r"\s+", rest.lstrip()) or [""]
    return words, part
