"""Starting the child that does what leaves this machine: notifications and webhooks.

The service imports no block and sends nothing itself: a block may be anybody's code, and its
secrets are opened only where they are used. The child is `nbflow.notifications`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nbflow import settings
from nbflow.model import texts, wire

#: seconds for starting Python, opening the store and the block, besides those of the sending
_BESIDE = 20.0
_LARGEST_ANSWER = 65_536


def carry_out(said: Mapping[str, Any]) -> dict[str, Any]:
    """Do one action in a child and wait for it; give `{"state", "message", "outcome"}`.

    Args:
        said: `id` (the action's, sent as the idempotency key), `action`, `context` (what its
            templates may name).

    Never raises: a child that says nothing, too much or never comes back is a `failed`.
    """
    seconds = settings.outgoing_seconds + _BESIDE
    child = subprocess.Popen(
        [sys.executable, "-m", "nbflow.notifications"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    try:
        answer, _ = child.communicate(json.dumps(wire.jsonable(said)).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        return _failed(f"It was ended after {seconds:g} s.")
    finally:
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
    return _read(answer, child.returncode)


def _read(answer: bytes, code: int) -> dict[str, Any]:
    try:
        said = json.loads(answer[:_LARGEST_ANSWER])
        state, message, outcome = said["state"], str(said["message"]), dict(said["outcome"])
    except (TypeError, ValueError, KeyError):
        return _failed(f"Its process ended with {code} and did not say what came of it.")
    if state not in ("done", "failed"):
        return _failed("Its process did not say what came of it.")
    return {"state": state, "message": texts.safe(message, longest=1_000), "outcome": outcome}


def _failed(why: str) -> dict[str, Any]:
    return {"state": "failed", "message": why, "outcome": {}}


def _environment() -> dict[str, str]:
    """Give this process's environment without tokens to servers, and without proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in settings.TOKENS and not name.lower().endswith("_proxy")
    }
    return kept | settings.environment()
