"""`python -m nbflow.engine.describing ENTRYPOINT FOLDER FD`: say what a flow takes, by its code.

Its file is imported, which is running user code: so a process of its own does it. The answer is
JSON, written to a descriptor of its own, since the code may print. `kernels.describing` asks.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from nbflow.engine import entrypoints, signatures
from nbflow.engine.entrypoints import UserFlow
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import texts


def described(entrypoint: str, folder: str) -> dict[str, Any]:
    """Import a flow and say what a deployment of it needs to know.

    Raises NotFound, InvalidInput (also where importing it raised: `entrypoint.import`).
    """
    flow = load(entrypoint, folder)
    code = getattr(sys.modules.get(flow.fn.__module__), "__file__", None)
    return {
        "name": flow.name,
        "description": flow.description or "",
        "schema": signatures.schema_of(flow.fn, flow.signature),
        "retries": flow.retry.retries,
        "retry_delay_seconds": next(iter(flow.retry.delays), 0.0),
        "file": code,
        "triggers": flow.triggers,
    }


def load(entrypoint: str, folder: str) -> Any:
    """Import and give a flow; its folder is looked in first. Raises NotFound, InvalidInput."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return entrypoints.load(entrypoint, UserFlow)
    except NbflowError:
        raise
    except Exception as error:
        raise _broken(entrypoint, error) from error
    except SystemExit as error:
        raise _broken(entrypoint, error) from error


def _broken(entrypoint: str, error: BaseException) -> InvalidInput:
    where = entrypoint.rpartition(":")[0]
    return InvalidInput(
        f"Importing {where} raised {texts.of_error(error)}.",
        code="entrypoint.import",
        field="entrypoint",
        hint="It must be importable here; what a script does belongs below "
        '`if __name__ == "__main__":`.',
    )


def main(arguments: list[str]) -> int:
    """Answer; gives the exit code."""
    entrypoint, folder, descriptor = arguments
    try:
        answer: Any = described(entrypoint, folder)
    except NbflowError as error:
        answer = {"error": error.problem()}
    with open(int(descriptor), "w", encoding="utf-8") as out:
        json.dump(answer, out)
    sys.stdout.flush()
    # What the code has started (threads, exit hooks) must not hold the answer up.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
