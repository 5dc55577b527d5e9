"""The types of work pools, and what each lets be chosen for a run: its job template.

`process`: each run has a process of its own, and a notebook a fresh kernel of its own kernelspec.
`kernel`: every run, also one of a flow in a script, is executed by a kernel of the pool's
kernelspec, so in that environment.
`agent`: the pool leaves open how a run is executed: its deployment's infrastructure block says it,
and is of one of the other types (none said: `process`).

What the fields of a job do is the launcher's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model.names import did_you_mean, shown

DEFAULT = "process"
AGENT = "agent"
#: the pool that agents serve and block-based deployments use when none is said
AGENT_POOL = "default-agent-pool"
_LONGEST_SECONDS = 86_400.0


def _seconds(title: str, description: str) -> dict[str, Any]:
    return {
        "title": title,
        "description": description,
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": _LONGEST_SECONDS,
        "default": None,
    }


_COMMON: dict[str, Any] = {
    "name": {
        "title": "Name",
        "description": "What the run's process is called: NBFLOW_JOB_NAME; null: as the run.",
        "type": ["string", "null"],
        "maxLength": 255,
        "default": None,
    },
    "env": {
        "title": "Environment variables",
        "description": "Set for the run's process and its kernel; null takes a variable away.",
        "type": "object",
        "additionalProperties": {"type": ["string", "null"]},
        "default": {},
    },
    "labels": {
        "title": "Labels",
        "description": "Kept with the job and told to the run as JSON: NBFLOW_JOB_LABELS.",
        "type": "object",
        "additionalProperties": {"type": "string"},
        "default": {},
    },
    "working_dir": {
        "title": "Working folder",
        "description": "An absolute path; null: the folder of the notebook or script.",
        "type": ["string", "null"],
        "pattern": "^/",
        "maxLength": 4096,
        "default": None,
    },
    "storage": {
        "title": "Storage",
        "description": "The block (TYPE/NAME, and a folder in it) a run's code is downloaded from "
        "into a fresh folder, and the file in it; null: the code is here.",
        "type": ["object", "null"],
        "properties": {
            "block": {
                "type": "string",
                "pattern": "^[a-z0-9-]+/[a-z0-9-]+(/.*)?$",
                "maxLength": 4096,
            },
            "file": {"type": ["string", "null"], "maxLength": 4096},
        },
        "required": ["block"],
        "additionalProperties": False,
        "default": None,
    },
    "kernel_start_seconds": _seconds(
        "Kernel start", "How long a kernel may take to start; null: the worker's setting."
    ),
    "interrupt_seconds": _seconds(
        "Interrupt", "Cancelling: from interrupt to terminate; null: the worker's setting."
    ),
    "terminate_seconds": _seconds(
        "Terminate", "Cancelling: from terminate to kill; null: the worker's setting."
    ),
    "timeout_seconds": _seconds(
        "Time limit", "A run that takes longer is ended and has failed; null: none."
    ),
}

_OF_PROCESS: dict[str, Any] = {
    "command": {
        "title": "Command",
        "description": "Started instead of python -m nbflow.notebook.execute, and given that one's "
        "last two words: the run's id and the attempt; null: that one.",
        "type": ["array", "null"],
        "items": {"type": "string"},
        "default": None,
    },
    "stream_output": {
        "title": "Show output",
        "description": "Whether the worker's own output shows what the run's process prints.",
        "type": "boolean",
        "default": False,
    },
}

_OF_KERNEL: dict[str, Any] = {
    "kernel_name": {
        "title": "Kernel",
        "description": "The kernelspec that executes; null: the deployment's own.",
        "type": ["string", "null"],
        "pattern": "^[A-Za-z0-9._-]+$",
        "maxLength": 255,
        "default": None,
    },
}

_OF_AGENT: dict[str, Any] = {
    "infrastructure": {
        "title": "Infrastructure",
        "description": "The block (process/NAME or kernel/NAME) that says how a run is executed, "
        "or a type alone; null: a process.",
        "type": ["string", "null"],
        "pattern": "^[a-z0-9-]+(/[a-z0-9-]+)?$",
        "maxLength": 511,
        "default": None,
    },
}


def _template(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "job_configuration": {name: f"{{{{ {name} }}}}" for name in properties},
        "variables": {"type": "object", "properties": dict(properties), "required": []},
    }


#: by type: the template of a pool that has none of its own
TEMPLATES: Mapping[str, Mapping[str, Any]] = {
    "process": _template(_COMMON | _OF_PROCESS),
    "kernel": _template(_OF_KERNEL | _COMMON),
    AGENT: _template(_OF_AGENT | _COMMON | _OF_PROCESS | _OF_KERNEL),
}


def command(type: str, pool: str) -> str:
    """Give the command that starts who serves a pool."""
    return f"nbflow {'agent' if type == AGENT else 'worker'} start --pool {pool}"


def check_type(value: Any, *, field: str = "type") -> str:
    """Give a pool's type. Raises InvalidInput."""
    if not isinstance(value, str) or value not in TEMPLATES:
        raise InvalidInput(
            f"There is no type {shown(value)} of work pools.",
            code="work_pool.type",
            field=field,
            hint=did_you_mean(str(value), TEMPLATES, "There are"),
        )
    return value
