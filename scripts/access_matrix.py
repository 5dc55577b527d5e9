"""Write who may ask what of the REST API: `tests/jupyter/access_matrix.txt`.

From the table of routes, the roles of `nbflow_jupyter.authorizers` and what tokens open. A test
compares the file with this, and with the answers of a real server to every identity.

    python scripts/access_matrix.py
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbflow_jupyter import tokens
from nbflow_jupyter.authorizers import NbflowRolesAuthorizer
from nbflow_jupyter.operation import Operation
from nbflow_jupyter.routes import ROUTES

FILE = Path(__file__).parents[1] / "tests" / "jupyter" / "access_matrix.txt"
PEOPLE = ("viewer", "operator", "author")
IDENTITIES = ("anonymous", *PEOPLE, "worker", "run")


def matrix() -> str:
    """Give a line for each verb of each route: who gets past the door."""
    rows = [
        (f"{verb.upper():6} {route.path}", _asked(operation), _who(route.path, verb, operation.may))
        for route in sorted(ROUTES, key=lambda route: route.path)
        for verb, operation in route.verbs.items()
    ]
    wide = max(len(what) for what, _, _ in rows)
    right = max(len(may) for _, may, _ in rows)
    head = f"{'':{wide}}  {'':{right}}  {'  '.join(IDENTITIES)}\n"
    return head + "".join(f"{what:{wide}}  {may:{right}}  {who}\n" for what, may, who in rows)


def _asked(operation: Operation) -> str:
    return f"{operation.may}(+{operation.besides})" if operation.besides else operation.may


def _who(path: str, verb: str, may: str) -> str:
    resource, action = may.split()
    allowed = {name: _person(name, action, resource) for name in PEOPLE}
    opened = tokens.kinds(verb, path)
    allowed |= {"anonymous": False, "worker": "worker" in opened, "run": "run" in opened}
    words = (f"{'yes' if allowed[name] else '-':{len(name)}}" for name in IDENTITIES)
    return "  ".join(words).rstrip()


def _person(name: str, action: str, resource: str) -> bool:
    roles = NbflowRolesAuthorizer(authors=["author"], operators=["operator"])
    person: Any = SimpleNamespace(username=name)
    return roles.is_authorized(None, person, action, resource)


if __name__ == "__main__":
    FILE.write_text(matrix(), encoding="utf-8")
