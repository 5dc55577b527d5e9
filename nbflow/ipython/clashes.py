"""The names of nbflow's magics, which another extension may want too: told, and never fought over.

Who comes last has a name; unloading gives back what was there before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_MARKS = {"cell": "%%", "line": "%"}


class Names:
    """What nbflow's magics are called in a shell.

    Args:
        shell: the shell.
        magics: instances of `Magics`, not registered yet.
    """

    def __init__(self, shell: Any, magics: Iterable[Any]) -> None:
        self._shell = shell
        self._magics = tuple(magics)
        self._before: dict[tuple[str, str], Callable[..., Any]] = {}
        self._told: set[tuple[str, str]] = set()

    def take(self) -> None:
        """Register the magics; say whose they were."""
        for kind, name, own in self._own():
            there = self._table(kind).get(name)
            if there is not None and there is not own:
                self._before[kind, name] = there
                _tell(f"{_MARKS[kind]}{name} was {_owner(there)}; %unload_ext nbflow gives it back")
        self._shell.register_magics(*self._magics)

    def give_back(self) -> None:
        """Take out what is still nbflow's; what was there before returns."""
        for kind, name, own in self._own():
            table = self._table(kind)
            if table.get(name) is not own:
                continue
            if (kind, name) in self._before:
                table[name] = self._before[kind, name]
            else:
                del table[name]

    def is_ours(self, name: str, kind: str = "cell") -> bool:
        """Say whether a name still means nbflow's magic."""
        found = self._table(kind).get(name)
        return any(own is found for _, own_name, own in self._own() if own_name == name)

    def pre_run_cell(self, _info: Any) -> None:
        """Say, once, that somebody has taken a name since."""
        for kind, name, own in self._own():
            there = self._table(kind).get(name)
            if there is not own and there is not None and (kind, name) not in self._told:
                self._told.add((kind, name))
                _tell(f"{_MARKS[kind]}{name} is {_owner(there)} now; %reload_ext nbflow takes it")

    def _own(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        for one in self._magics:
            for kind, table in one.magics.items():
                for name, function in table.items():
                    yield kind, name, function

    def _table(self, kind: str) -> dict[str, Any]:
        return self._shell.magics_manager.magics[kind]


def _owner(function: Any) -> str:
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module}'s"


def _tell(message: str) -> None:
    sys.stderr.write(f"nbflow: {message}.\n")
