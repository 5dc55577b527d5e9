"""Questions whose answer needs user code: a process of its own is asked, and answers in JSON.

Such a module prints its answer, or `{"error": problem}`; it gets no token of this server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from nbflow import settings
from nbflow.client import problems
from nbflow.exceptions import Unreachable

#: at once; each may start a kernel
_MOST = 2
_room = asyncio.Semaphore(_MOST)


async def ask(module: str, *words: str, patience: float) -> Any:
    """Give what `python -m MODULE WORDS…` answers within `patience` seconds.

    Raises the error it tells of; Unreachable when it says nothing.
    """
    async with _room:
        said = await _said(module, words, patience)
    try:
        answer = json.loads(said)
    except ValueError:
        raise Unreachable(f"{module} gave no answer.", hint="The server's log has why.") from None
    if isinstance(answer, dict) and "error" in answer:
        problem = answer["error"]
        raise problems.error_of(problem.get("status", 422), json.dumps(problem), url="")
    return answer


async def _said(module: str, words: tuple[str, ...], patience: float) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()
        message = f"No answer came within {patience:.0f} s."
        raise Unreachable(message, code="check.timeout") from None
    return said


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in settings.TOKENS}
    return kept | {
        f"NBFLOW_{name.upper()}": str(value) for name, value in settings.without_secrets().items()
    }
