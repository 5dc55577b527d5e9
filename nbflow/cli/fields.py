"""The fields of a deployment as flags: for deploying, serving and editing one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any, get_args

from nbflow.cli.parsing import argument, duration, usage
from nbflow.model import names
from nbflow.model.deployments import Collision, Source


def count(text: str) -> int:
    """Read a whole number of at least 0; for argparse's `type`."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{names.shown(text)} is not a whole number")
    return int(text)


#: flags named as `deployments.prepare` and `DeploymentChange` name what they say
FIELDS = (
    argument("--pool", default=None, dest="work_pool", metavar="POOL",
             help="the work pool whose workers run it"),
    argument("--queue", default=None, dest="work_queue", metavar="QUEUE",
             help="the pool's queue its runs wait in"),
    argument("--job-variable", action="append", default=[], metavar="NAME=VALUE",
             help="laid over the defaults of the pool's template; VALUE is JSON, or text"),
    argument("--tag", action="append", default=[], help="a tag (repeat for several)"),
    argument("--description", default=None, help="what it is for"),
    argument("--limit", type=count, default=None, dest="concurrency_limit", metavar="N",
             help="at most so many of its runs at once; 0: none"),
    argument("--collision-strategy", choices=get_args(Collision), default=None,
             help="a run beyond that limit waits, or is cancelled (default: enqueue)"),
    argument("--retries", type=count, default=None, help="how often a failed run is tried again"),
    argument("--retry-delay", type=duration, default=None, metavar="DUR",
             help="before each retry"),
    argument("--crash-retries", type=count, default=None,
             help="how often a run whose process died is tried again"),
    argument("--source", choices=get_args(Source), default=None,
             help="run what is deployed (snapshot, the default) or what lies there then (live)"),
    argument("--enforce-parameter-schema", action=argparse.BooleanOptionalAction, default=None,
             help="check the parameters of runs (default: yes; notebooks' always are)"),
    argument("--replace", action="store_true",
             help="take over another file's name, or what was made another way"),
    argument("--note", default="", help="what is said of this version"),
)  # fmt: skip


def said(given: dict[str, Any]) -> dict[str, Any]:
    """Take the fields that were typed out of a command's arguments. Raises InvalidInput."""
    found: dict[str, Any] = {}
    for flag in FIELDS:
        name = flag.options.get("dest") or flag.names[-1].removeprefix("--").replace("-", "_")
        value = given.pop(name, None)
        if value is not None and value != [] and value != "":
            found[name] = value
    if "tag" in found:
        found["tags"] = tuple(found.pop("tag"))
    if "retry_delay" in found:
        found["retry_delay_seconds"] = found.pop("retry_delay").total_seconds()
    if "job_variable" in found:
        found["job_variables"] = variables(found.pop("job_variable"))
    return found


def variables(pairs: Sequence[str], *, flag: str = "job-variable") -> dict[str, Any]:
    """Read `NAME=VALUE` pairs, each value as JSON where it is some. Raises InvalidInput."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            problem = f"--{flag} {names.shown(pair)} has no value."
            raise usage(problem, f"Write --{flag} NAME=VALUE.", flag.replace("-", "_"))
        try:
            found[name.strip()] = json.loads(value)
        except (ValueError, RecursionError):
            found[name.strip()] = value
    return found
