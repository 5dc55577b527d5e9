"""What a task's or a flow's options say about keeping its values, worked out once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from nbflow import cache_policies, settings
from nbflow.cache_policies import DefaultPolicy, Uncacheable
from nbflow.locking import IsolationLevel
from nbflow.results import ResultStore, folder_of
from nbflow.serializers import serializer_of

_log = logging.getLogger("nbflow.tasks")


def check(asked: Mapping[str, Any]) -> None:
    """Refuse options of results and caching that cannot be. Raises InvalidInput."""
    folder_of(asked.get("result_storage"))
    serializer_of(asked.get("result_serializer"))
    policy, key_fn = asked.get("cache_policy"), asked.get("cache_key_fn")
    cache_policies.policy_of(policy, None)
    key = asked.get("result_storage_key")
    for name, other in (("cache_key_fn", key_fn), ("result_storage_key", key)):
        if other is not None and policy is not None:
            _log.warning("cache_policy is not heeded: %s says which calls are the same.", name)


class Plan:
    """What the options of a task, in a flow run, say about keeping its values.

    Attributes:
        persist: values are stored; `strict`: one that cannot be stored fails the run.
        policy: None: no two calls are the same.
        replays: the policy is DEFAULT, which looks only in later attempts of a run.
        template: of the key, as the user said it.
        transactional: each call is a transaction, whatever is around it.
        note: what is wrong with the options, for people.
    """

    __slots__ = (
        "exclude", "expiration", "in_memory", "note", "persist", "policy", "refresh", "replays",
        "source", "store", "strict", "template", "transactional",
    )  # fmt: skip

    def __init__(self, task: Any, flow: Any) -> None:
        said = _said(task, flow, "persist_result")
        self.persist = _persists(task, said)
        self.strict = getattr(task, "persist_result", None) is True
        self.in_memory = getattr(task, "cache_result_in_memory", True)
        self.template = getattr(task, "result_storage_key", None)
        self.expiration: timedelta | None = getattr(task, "cache_expiration", None)
        self.note: str | None = None
        self.policy = self._policy(task)
        policy = self.policy
        self.replays = isinstance(policy, DefaultPolicy)
        #: the inputs that DEFAULT leaves out
        self.exclude = policy.exclude if isinstance(policy, DefaultPolicy) else ()
        refresh = getattr(task, "refresh_cache", None)
        self.refresh = settings.refresh_cache if refresh is None else refresh
        self.store = self._store(task, flow)
        hooks = getattr(task, "hooks", None) or {}
        self.transactional = self.isolation is IsolationLevel.SERIALIZABLE or any(
            name in hooks for name in ("on_commit", "on_rollback")
        )
        #: the source's digest, when no captured variable can change it
        self.source = self._source(task) if self.replays else ""

    @property
    def isolation(self) -> IsolationLevel | None:
        """Give the isolation the policy asks for."""
        return None if self.policy is None else self.policy.isolation_level

    def _policy(self, task: Any) -> cache_policies.CachePolicy | None:
        asked = getattr(task, "cache_policy", None), getattr(task, "cache_key_fn", None)
        if not self.persist:
            if any(item is not None for item in asked):
                self.note = "Not cached: with persist_result=False there is nothing to find."
            return None
        if settings.disable_caching or self.template is not None:
            return None
        policy = cache_policies.policy_of(*asked)
        return None if isinstance(policy, cache_policies.NoCache) else policy

    def _store(self, task: Any, flow: Any) -> ResultStore:
        policy = self.policy
        return ResultStore(
            _said(task, flow, "result_storage"),
            serializer=_said(task, flow, "result_serializer"),
            lock_manager=policy.lock_manager if policy else None,
            metadata_storage=policy.key_storage if policy else None,
        )

    def _source(self, task: Any) -> str | None:
        fn = getattr(task.fn, "__func__", task.fn)
        if getattr(fn, "__closure__", None):
            return None
        try:
            return cache_policies.source_of(fn)
        except Uncacheable:
            return None


def _said(task: Any, flow: Any, name: str) -> Any:
    """Give an option of a task, or that of the flow around it."""
    said = getattr(task, name, None)
    return getattr(flow, name, None) if said is None else said


def _persists(task: Any, said: bool | None) -> bool:
    """Say whether values are stored: as said, or because an option needs it, or by the setting."""
    if said is not None:
        return said
    if getattr(task, "kind", None) == "cell":  # its outputs are in the notebook and the namespace
        return any(getattr(task, name, None) is not None for name in _CACHING)
    return settings.persist_results or any(
        getattr(task, name, None) is not None for name in (*_CACHING, *_STORING)
    )


_CACHING = ("cache_policy", "cache_key_fn")
_STORING = ("result_storage", "result_serializer", "result_storage_key")
