"""Rows 90 to 93 for flows of scripts and modules: nothing is opened that must not be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow import deployments
from nbflow.exceptions import NotFound
from nbflow.kernels import describing

#: paths of scripts that lead out of the server's folder, or are none (row 90)
PATHS = (
    "/etc/hosts.py:f", "../root-secret/m.py:f", "a/../../b.py:f", "~/m.py:f", "a\\m.py:f",
    "C:\\x\\m.py:f", "\\\\host\\share\\m.py:f", "file:///etc/m.py:f", "http://127.0.0.1/m.py:f",
    "s3://bucket/m.py:f", "/proc/self/environ.py:f", ".hidden.py:f", "a/.hidden/m.py:f",
    f"{'x' * 5000}.py:f", " m.py/x.py:f", "m.py/../../n.py:f", "gone.py:f", "m\u0000.py:f",
)  # fmt: skip
#: what names no flow (row 93)
WRONG = (":f", "m:", "m:f()", "m:f.__globals__", "a:b:c:d", "m.n:class", "m-n:f", "m.ipynb.:f")


def _python(entrypoint: str) -> Callable[[Any], object]:
    return lambda _backend: deployments.deploy(entrypoint)


ROWS: list[dict[str, Any]] = [
    *(
        {
            "row": 90,
            "what": f"a script at {path[:40]}",
            "rest": ("POST", "deployments", {"entrypoint": path}),
            "status": (404, 422),
            "field": "entrypoint",
        }
        for path in PATHS
    ),
    *(
        {
            "row": 93,
            "what": f"entrypoint {text}",
            "rest": ("POST", "deployments", {"entrypoint": text}),
            "cli": ["deploy", text],
            "python": _python(text),
            "code": "entrypoint.invalid",
            "field": "entrypoint",
            "hint": "Write FILE.py:FLOW or PACKAGE.MODULE:FLOW.",
        }
        for text in WRONG
    ),
    {
        "row": 93,
        "what": "entrypoint a.b",
        "rest": ("POST", "deployments", {"entrypoint": "a.b"}),
        "code": "entrypoint.invalid",
        "field": "entrypoint",
    },
    {
        "row": 93,
        "what": "entrypoint -c:x",
        "rest": ("POST", "deployments", {"entrypoint": "-c:x"}),
        "python": _python("-c:x"),
        "code": "entrypoint.invalid",
        "field": "entrypoint",
    },
    {
        "row": 93,
        "what": "os:system is not a flow",
        "rest": ("POST", "deployments", {"entrypoint": "os:system"}),
        "cli": ["deploy", "os:system"],
        "python": _python("os:system"),
        "status": 404,
        "code": "entrypoint.flow",
        "field": "entrypoint",
        "hint": "it is a builtin_function_or_method",
    },
    {
        "row": 93,
        "what": "a script elsewhere that is not there",
        "cli": ["deploy", "../no-such/m.py:f"],
        "python": _python("../no-such/m.py:f"),
        "code": "entrypoint.missing",
        "field": "entrypoint",
        "hint": "There is no file",
    },
    {
        "row": 67,
        "what": "a field misspelt",
        "rest": ("POST", "deployments", {"entrypoint": "m:f", "includ": []}),
        "code": "field.unknown",
        "field": "includ",
        "hint": "include",
    },
    {
        "row": 126,
        "what": "retries below 0",
        "rest": ("PATCH", "deployments/$deployment", {"retries": -1}),
        "cli": ["deployment", "update", "$deployment", "--retries", "-1"],
        "code": "retries.invalid",
        "cli_code": "usage",
        "field": "retries",
        "cli_field": None,
    },
    {
        "row": 127,
        "what": "a version that is not there",
        "rest": ("POST", "deployments/$deployment/rollback", {"version": 99}),
        "cli": ["deployment", "rollback", "$deployment", "99"],
        "python": lambda backend: backend.rollback_deployment("kept", 99),
        "status": 404,
        "code": "version.missing",
        "field": "version",
        "hint": "Its versions are 1 to 1.",
    },
    {
        "row": 72,
        "what": "a version that is no number",
        "rest": ("GET", "deployments/$deployment/versions/1e3", None),
        "code": "version.invalid",
        "field": "version",
    },
]


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()


def test_a_link_out_a_pipe_and_a_folder_are_not_opened(tmp_path: Path) -> None:
    """Each is refused by name, at once: a pipe that is opened would never answer."""
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    for name in ("pipe.py", "folder.py"):
        with pytest.raises(NotFound) as refusal:
            describing.read(str(tmp_path / name))
        assert refusal.value.code == "entrypoint.missing"
