"""Cache policies: what makes a task's call the same as an earlier one.

    @task(cache_policy=INPUTS + TASK_SOURCE - "connection", cache_expiration=timedelta(days=1))

A policy names parts of a call (its inputs by value, the task's source, the run …); equal parts are
one key, and a key that has a result is not run again. Helper functions a task calls do not count,
constants it captured do. `DEFAULT` is for replays alone: within one attempt a task called twice
runs twice; a later attempt of the run finds the k-th result for its k-th call with equal inputs.
Looking up and keeping is `engine.keeping`'s work.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from nbflow import digests
from nbflow.exceptions import InvalidInput
from nbflow.locking import IsolationLevel, LockManager
from nbflow.model.names import shown

Parts = dict[str, str]


class Uncacheable(Exception):
    """A call has no key; the text says which input is to blame, and what to do."""


class CachePolicy:
    """What makes a call the same as another. Add policies up, take inputs out with `- "name"`.

    A policy of your own is a subclass with `compute_key`.

    Attributes:
        key_storage: a path or address for the records; None: with the results.
        lock_manager: for SERIALIZABLE: of two calls with one key, one runs and the other waits.
    """

    key_storage: Any = None
    lock_manager: LockManager | None = None
    isolation_level: IsolationLevel | None = None

    def compute_key(
        self,
        task_ctx: Any,
        inputs: Mapping[str, Any],
        flow_parameters: Mapping[str, Any],
        **_: Any,
    ) -> str | None:
        """Give the key of a call; None: it is not cached. Raises Uncacheable."""
        return key_of(self.parts(task_ctx, inputs, flow_parameters))

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give what the key is made of, by name, each as a digest. Raises Uncacheable.

        A subclass that has only `compute_key` is taken at its word.
        """
        if not self.has_own_key:
            raise Uncacheable(f"{type(self).__name__} has no compute_key")
        key = self.compute_key(task_ctx, inputs, flow_parameters)
        return {} if key is None else {"key": digests.quick(key)}

    @property
    def has_own_key(self) -> bool:
        """Say whether `compute_key` decides, and not the parts."""
        return type(self).compute_key is not CachePolicy.compute_key

    @classmethod
    def from_cache_key_fn(cls, cache_key_fn: Callable[..., str | None]) -> CacheKeyFnPolicy:
        """Give the policy of a function `fn(context, parameters)` that gives the key, or None."""
        return CacheKeyFnPolicy(cache_key_fn)

    def configure(
        self,
        key_storage: Any = None,
        lock_manager: LockManager | None = None,
        isolation_level: IsolationLevel | str | None = None,
    ) -> CachePolicy:
        """Give a copy with its own place for keys, its own locks, its own isolation.

        Raises InvalidInput: SERIALIZABLE needs a lock manager.
        """
        made = copy.copy(self)
        made.key_storage = self.key_storage if key_storage is None else key_storage
        made.lock_manager = self.lock_manager if lock_manager is None else lock_manager
        if isolation_level is not None:
            made.isolation_level = IsolationLevel.of(isolation_level)
        if made.isolation_level is IsolationLevel.SERIALIZABLE and made.lock_manager is None:
            raise InvalidInput(
                "SERIALIZABLE needs a lock manager.",
                field="lock_manager",
                hint="Pass lock_manager=MemoryLockManager(), or a FileSystemLockManager.",
            )
        return made

    def __add__(self, other: CachePolicy) -> CachePolicy:
        if not isinstance(other, CachePolicy):
            return NotImplemented
        return _compound((*_members(self), *_members(other)), (self, other))

    def __sub__(self, name: str) -> CachePolicy:
        if not isinstance(name, str):
            return NotImplemented
        return CompoundCachePolicy((self, Inputs(exclude=(name,))))

    def __repr__(self) -> str:
        return type(self).__name__


def key_of(parts: Mapping[str, str]) -> str | None:
    """Give the key of a call's parts; those of one run begin with its id."""
    if not parts:
        return None
    key = digests.quick(*(item for pair in sorted(parts.items()) for item in pair))
    return f"{parts['run']}.{key}" if "run" in parts else key


class Inputs(CachePolicy):
    """The values a task is called with, by name; a task with no inputs has none to go by."""

    def __init__(self, exclude: tuple[str, ...] = ()) -> None:
        self.exclude = exclude

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give each input's digest, and the task's name: two tasks never share."""
        found = by_value(inputs, self.exclude)
        return {**found, "task": digests.quick(task_ctx.task.key)} if found else {}

    def __sub__(self, name: str) -> CachePolicy:
        made = copy.copy(self)
        made.exclude = (*self.exclude, name)
        return made

    def __repr__(self) -> str:
        return "INPUTS" + "".join(f" - {name!r}" for name in self.exclude)


class TaskSource(CachePolicy):
    """The task's source without comments and formatting, and the constants it captured."""

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give the source's digest."""
        return {"source": source_of(task_ctx.task.fn)}

    def __repr__(self) -> str:
        return "TASK_SOURCE"


class RunId(CachePolicy):
    """The flow run around: nothing is shared with other runs."""

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give the run's id."""
        return {"run": task_ctx.flow_context.flow_run.id}

    def __repr__(self) -> str:
        return "RUN_ID"


class FlowParameters(CachePolicy):
    """The parameters of the flow run around."""

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give each parameter's digest, and the task's name."""
        found = by_value(flow_parameters, prefix="flow parameter")
        return {**found, "task": digests.quick(task_ctx.task.key)} if found else {}

    def __repr__(self) -> str:
        return "FLOW_PARAMETERS"


class NoCache(CachePolicy):
    """Never the same; added to others it changes nothing."""

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give nothing."""
        return {}

    def __repr__(self) -> str:
        return "NO_CACHE"


class CacheKeyFnPolicy(CachePolicy):
    """The key a function gives: `fn(context, parameters)`. None: the call is not cached."""

    def __init__(self, cache_key_fn: Callable[..., str | None]) -> None:
        self.cache_key_fn = cache_key_fn

    def compute_key(
        self,
        task_ctx: Any,
        inputs: Mapping[str, Any],
        flow_parameters: Mapping[str, Any],
        **_: Any,
    ) -> str | None:
        """Give what the function gives. Raises Uncacheable when it fails, or gives no text."""
        try:
            key = self.cache_key_fn(task_ctx, dict(inputs))
        except Exception as error:
            raise Uncacheable(f"cache_key_fn raised {type(error).__name__}: {error}") from error
        if key is not None and (not isinstance(key, str) or not 0 < len(key) <= 2000):
            raise Uncacheable(f"cache_key_fn gave {shown(key)}, not a text of 1 to 2000 characters")
        return key

    def __repr__(self) -> str:
        return f"CacheKeyFnPolicy({getattr(self.cache_key_fn, '__name__', '…')})"


class CompoundCachePolicy(CachePolicy):
    """Several policies: all their parts together."""

    def __init__(self, policies: tuple[CachePolicy, ...]) -> None:
        self.policies = policies

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give the parts of all."""
        found: Parts = {}
        for policy in self.policies:
            found |= policy.parts(task_ctx, inputs, flow_parameters)
        return found

    def __sub__(self, name: str) -> CachePolicy:
        """Give a copy that leaves an input out."""
        made = copy.copy(self)
        made.policies = tuple(p - name if isinstance(p, Inputs) else p for p in self.policies)
        if not any(isinstance(p, Inputs) for p in made.policies):
            made.policies = (*made.policies, Inputs(exclude=(name,)))
        return made

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.policies))


class DefaultPolicy(CompoundCachePolicy):
    """INPUTS + TASK_SOURCE + RUN_ID, for replays: see the module's first lines."""

    def __init__(self) -> None:
        super().__init__((Inputs(), TaskSource(), RunId()))

    @property
    def exclude(self) -> tuple[str, ...]:
        """Give the inputs left out."""
        return next(p.exclude for p in self.policies if isinstance(p, Inputs))

    def __repr__(self) -> str:
        return "DEFAULT" + "".join(f" - {name!r}" for name in self.exclude)


def by_value(
    values: Mapping[str, Any], exclude: tuple[str, ...] = (), *, prefix: str = "input"
) -> Parts:
    """Give the digest of each value. Raises Uncacheable naming the one that has none."""
    found: Parts = {}
    for name, value in values.items():
        if name in exclude:
            continue
        try:
            found[f"{prefix} {name}"] = digests.digest(value)
        except digests.Undigestable as error:
            raise Uncacheable(
                f"{prefix} {name!r} cannot be compared ({error}); leave it out with "
                f"`cache_policy=INPUTS - {name!r}`"
            ) from None
    return found


def source_of(fn: Callable[..., Any]) -> str:
    """Give the digest of a task's source. Raises Uncacheable naming a captured variable."""
    try:
        return digests.function(getattr(fn, "__func__", fn))
    except digests.Undigestable as error:
        raise Uncacheable(
            f"it captured a variable that cannot be compared ({error}); pass it as an input, or "
            "use cache_policy=INPUTS"
        ) from None


def _members(policy: CachePolicy) -> tuple[CachePolicy, ...]:
    if isinstance(policy, NoCache):
        return ()
    return policy.policies if isinstance(policy, CompoundCachePolicy) else (policy,)


def _compound(members: tuple[CachePolicy, ...], of: tuple[CachePolicy, CachePolicy]) -> CachePolicy:
    made: CachePolicy = CompoundCachePolicy(members) if members else NO_CACHE
    if len(members) == 1:
        made = copy.copy(members[0])
    for field in ("key_storage", "lock_manager", "isolation_level"):
        said = [value for policy in of if (value := getattr(policy, field)) is not None]
        if len(said) == 2 and said[0] != said[1]:
            raise InvalidInput(
                f"These two policies have different ones for {field}.",
                code="cache_policy.conflict",
                field=field,
                hint="Configure the sum instead: (A + B).configure(…).",
            )
        if said:
            setattr(made, field, said[0])
    return made


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
RUN_ID = RunId()
FLOW_PARAMETERS = FlowParameters()
NONE = NO_CACHE = NoCache()
DEFAULT = DefaultPolicy()


def policy_of(cache_policy: Any, cache_key_fn: Callable[..., str | None] | None) -> CachePolicy:
    """Give the policy of a task's options; None: DEFAULT. Raises InvalidInput."""
    if cache_key_fn is not None:
        return CacheKeyFnPolicy(cache_key_fn)
    if cache_policy is None:
        return DEFAULT
    if not isinstance(cache_policy, CachePolicy):
        raise InvalidInput(
            f"cache_policy is {shown(cache_policy)}; it must be a policy.",
            field="cache_policy",
            hint="Import one from nbflow.cache_policies: INPUTS, TASK_SOURCE, NO_CACHE …",
        )
    return cache_policy
