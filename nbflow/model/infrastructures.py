"""Infrastructure blocks as data: which there are, how one is named, what it says of a job.

Such a block says no more than job variables of the pool type of its name (`pool_types`): nothing is
executed another way because a block said it. The classes are `nbflow.infrastructure`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import names, pool_types

#: the types a block may have: those of pools, but for the one that leaves it to the block
KINDS = tuple(kind for kind in pool_types.TEMPLATES if kind != pool_types.AGENT)
#: what a job variable is called in the block, where that is another name
_FIELDS = {"kernel": "kernel_name"}


def parse(reference: Any, *, field: str = "infrastructure") -> tuple[str, str | None]:
    """Read `process/NAME`, or `process` alone: the type, and the block's name if there is one.

    None means a process. Raises InvalidInput.
    """
    if reference is None:
        return pool_types.DEFAULT, None
    kind, _, name = reference.partition("/") if isinstance(reference, str) else ("", "", "")
    if kind not in KINDS:
        raise InvalidInput(
            f"{names.shown(reference)} is no infrastructure.",
            code="infrastructure.type",
            field=field,
            hint=f"There are {', '.join(KINDS)}; write {KINDS[0]}, or {KINDS[0]}/NAME for a block.",
        )
    return kind, name or None


def variables(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give the job variables a block's fields say; what is null says nothing."""
    known = pool_types.TEMPLATES[pool_types.AGENT]["variables"]["properties"]
    said = {_FIELDS.get(name, name): value for name, value in data.items() if value is not None}
    return {name: value for name, value in said.items() if name in known}
