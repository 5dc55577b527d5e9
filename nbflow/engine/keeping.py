"""Keeping: which key a call's value has, whether it is there already, and storing it.

    begin(call)     before the body: its key, and whether somebody should look for it
    look_up(call)   the state Cached, if the value is there
    finish(call)    after the body: the value is stored, then its run may say COMPLETED

What a task's options say is worked out once (`engine.plans`). A run inside a transaction, or with
hooks for one, is a transaction itself: `engine.staging`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from nbflow import cache_policies, digests, settings
from nbflow.cache_policies import Uncacheable
from nbflow.context import FlowRunContext
from nbflow.engine import staging
from nbflow.engine.plans import Plan
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import clock, states, texts
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Batch
from nbflow.model.states import State, keep
from nbflow.results import ResultStore, fetch, make, usable
from nbflow.store.spool import OUTAGES

if TYPE_CHECKING:
    from nbflow.context import RunContext
    from nbflow.engine.flow_call import FlowCall
    from nbflow.engine.task_call import TaskCall

#: results of a run listed at once when it is replayed
_PAGE = 1000


class Keeper:
    """What one attempt of a flow run knows of the values it keeps."""

    def __init__(self, flow: FlowRunContext) -> None:
        self.flow = flow
        self.replaying = flow.flow_run.attempt > 1
        self._plans: dict[Any, Plan] = {}
        self._calls: dict[str, Iterator[int]] = {}
        self._earlier: dict[str, ResultRecord] | None = None
        self._lock = threading.Lock()
        #: of each task the parts of its latest result, as far as this attempt has asked or stored
        self.latest: dict[str, Mapping[str, str] | None] = {}

    def plan(self, task: Any) -> Plan:
        """Give a task's plan, made once."""
        plan = self._plans.get(task)
        if plan is None:
            if len(self._plans) > 1000:  # of tasks made anew for each call
                self._plans.clear()
            plan = self._plans[task] = Plan(task, self.flow.flow)
        return plan

    def store_of(self, here: RunContext) -> ResultStore:
        """Give the store of the code in a run."""
        subject = here.flow if isinstance(here, FlowRunContext) else here.task
        return self.plan(subject).store

    def nth(self, call: str) -> int:
        """Count the calls that are the same."""
        # setdefault() and next() are atomic: tasks run on many threads
        return next(self._calls.get(call) or self._calls.setdefault(call, itertools.count()))

    def earlier(self, call: str | None) -> ResultRecord | None:
        """Give the newest result that earlier attempts kept of a call."""
        with self._lock:
            if self._earlier is None:
                found = sorted(self._listed(), key=lambda record: record.created_at)
                self._earlier = {record.call: record for record in found if record.call}
        return self._earlier.get(call or "")

    def _listed(self) -> Iterator[ResultRecord]:
        run, cursor = self.flow.flow_run.id, None
        room: int = settings.result_memory_bytes
        while True:
            page = self.backend.list_results(run, limit=_PAGE, cursor=cursor, data=room > 0)
            yield from page.rows
            cursor, room = page.cursor, room - sum(len(each.data or b"") for each in page.rows)
            if cursor is None:
                return

    @property
    def backend(self) -> Any:
        """Give the authority."""
        return self.flow.recorder.backend  # pyright: ignore[reportAttributeAccessIssue]


_making = threading.Lock()


def keeper_of(flow: FlowRunContext) -> Keeper:
    """Give the keeper of a flow run's attempt."""
    if flow.keeper is None:
        with _making:
            flow.keeper = flow.keeper or Keeper(flow)
    return flow.keeper


class Kept:
    """What is known of one call's value.

    Attributes:
        key: its key; None: no other run may find it.
        call: which call of its run it is; None: no later attempt may find it.
        parts: what the key was made of.
        note: why it was or was not cached, or why it was not stored.
        result_key: the key it is stored under.
        found: the record that was there.
        staged: the transaction the run is.
        undone: this was rolled back before its run had ended.
    """

    key: str | None = None
    call: str | None = None
    parts: dict[str, str] | None = None
    note: str | None = None
    result_key: str | None = None
    found: ResultRecord | None = None
    staged: Any = None
    undone = False

    def __init__(self, plan: Plan) -> None:
        self.plan = plan


# -- before the body ----------------------------------------------------------------------------
def begin(call: TaskCall) -> bool:
    """Give a call its key; say whether somebody should look for a value under it."""
    keeper = call.flow.keeper or keeper_of(call.flow)
    plan = keeper.plan(call.task)
    kept = call.kept = Kept(plan)
    if plan.policy is not None:
        try:
            if plan.replays:
                kept.call = _call(call, plan, keeper)
            else:
                kept.key = _key(call, kept)
        except Uncacheable as error:
            kept.note = texts.safe(f"Not cached: {error}.")
        except Exception as error:  # user code: a __reduce__, a key function, a __hash__
            kept.note = f"Not cached: {texts.of_error(error)}"
    elif plan.note is not None:
        kept.note = plan.note
    if call.outer is not None or plan.transactional:
        staging.prepare(
            call,
            kept,
            run_key(call),
            find=partial(find, call, kept),
            write=partial(write, call, kept),
        )
        return True
    return keeper.replaying and kept.call is not None if plan.replays else kept.key is not None


def _call(call: TaskCall, plan: Plan, keeper: Keeper) -> str:
    source = plan.source
    if source is None:
        source = cache_policies.source_of(call.task.fn)
    args, kwargs = call.args, call.kwargs
    exclude = plan.exclude
    if not exclude and digests.plain(args) and (not kwargs or digests.plain(kwargs.values())):
        same = digests.quick(source, args, tuple(sorted(kwargs.items())) if kwargs else ())
    else:
        parts = cache_policies.by_value(call.parameters(), exclude)
        same = digests.quick(source, tuple(sorted(parts.items())))
    return f"{same}.{keeper.nth(same)}"


def _key(call: TaskCall, kept: Kept) -> str | None:
    policy = kept.plan.policy
    assert policy is not None
    said = (call.context, call.parameters(), call.flow.parameters)
    if policy.has_own_key:
        key = policy.compute_key(*said)
        kept.parts = None if key is None else {"key": digests.quick(key)}
    else:
        kept.parts = policy.parts(*said)
        key = cache_policies.key_of(kept.parts)
    if key is None:
        kept.note = "Not cached: there is nothing to tell its calls apart by."
    return key


# -- is it there? -------------------------------------------------------------------------------
def look_up(call: TaskCall) -> State | None:
    """Give the state of a run whose value is there; None, and a note, when it has to run."""
    kept = call.kept
    record = find(call, kept) if kept.staged is None else staging.begin(call, kept)
    return None if record is None else _cached(call, kept, record)


def find(call: TaskCall, kept: Kept) -> ResultRecord | None:
    """Give the record of a call's value that may be used; else note why there is none."""
    plan, key = kept.plan, kept.key
    if key is None and kept.call is None:
        return None
    if plan.refresh:
        kept.note = "Not cached: refresh was asked."
        return None
    try:
        if key is None:
            keeper = keeper_of(call.flow)
            record = keeper.earlier(kept.call) if keeper.replaying else None
            return record if record is not None and usable(record) else None
        record = plan.store.look(key)
        if record is not None and usable(record):
            return record
        kept.note = f"Not cached: {_why_not(call, kept, record)}."
        return None
    except NbflowError as error:  # the store is away, a file is damaged: the task can still run
        kept.note = f"Not cached: {texts.safe(str(error))}"
        return None


def _cached(call: TaskCall, kept: Kept, record: ResultRecord) -> State:
    """Give the state of a run whose value is that of a record, read when it is asked for."""
    who = f"task run {record.task_run_id}" if record.task_run_id else "an earlier call"
    if record.flow_run_id and record.flow_run_id != call.flow_run_id:
        who += f" of flow run {record.flow_run_id}"
    kept.note = f"Cached: {who} made it at {record.created_at:%Y-%m-%d %H:%M:%S} UTC."
    kept.result_key = record.key
    if kept.parts is not None:  # the next miss is compared with this call
        keeper_of(call.flow).latest[call.task.key] = kept.parts
    return states.lend(states.Cached(), partial(fetch, record))


def _why_not(call: TaskCall, kept: Kept, there: ResultRecord | None) -> str:
    if there is not None:
        if there.expires_at is not None and there.expires_at <= clock.now():
            return f"it expired {_ago(clock.now() - there.expires_at)} ago"
        return "its file is gone"
    last, parts = _latest(keeper_of(call.flow), call.task.key), kept.parts
    if last is None or parts is None:
        return "this is the first call"
    changed = [name for name in parts if parts[name] != last.get(name)]
    gone = [name for name in last if name not in parts]
    return " and ".join(f"{name} changed" for name in [*changed, *gone]) or "its result is gone"


def _latest(keeper: Keeper, task_key: str) -> Mapping[str, str] | None:
    if task_key not in keeper.latest:
        found = keeper.backend.list_results(task_key=task_key, limit=1).rows
        keeper.latest[task_key] = found[0].parts if found else None
    return keeper.latest[task_key]


def _ago(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


# -- after the body -----------------------------------------------------------------------------
def waits(call: TaskCall) -> bool:
    """Say whether storing a call's value may take long: a file elsewhere, a transaction's end."""
    kept = call.kept
    return kept.staged is not None or not kept.plan.store.by_record


def finish(call: TaskCall, state: State) -> State:
    """Store the value of a run that completed; give its state, which may say that it is not."""
    kept = call.kept
    if kept is None or not states.has_value(state):
        return state
    if kept.staged is not None:
        return staging.finish(call, kept, state)
    return store(call, kept, state) if kept.plan.persist else state


def store(call: TaskCall, kept: Kept, state: State) -> State:
    """Store a value now; give the state."""
    try:
        record = write(call, kept, states.value_of(state))
    except (NbflowError, OSError) as error:
        kept.note = f"{kept.note or ''} {_not_stored(error)}".strip()
        return _unless_strict(state, kept.plan, error)
    kept.result_key = record.key
    states.read_back(state, record.key)
    return state if kept.plan.in_memory else states.lend(state, partial(fetch, record))


def write(call: TaskCall, kept: Kept, value: Any) -> ResultRecord:
    """Write a call's value, and make its record known. Raises NbflowError, OSError."""
    plan, key = kept.plan, kept.key
    if key is None:
        key = run_key(call)
        if plan.template is not None:
            values = {"parameters": call.parameters(), "task_run": call.run}
            key = _filled(plan.template, call.flow, values)
    shared = kept.key is not None
    until, store = plan.expiration, plan.store
    record = make(
        value,
        key=key,
        serializer=store.serializer,
        folder=store.folder,
        most=store.max_bytes,
        flow_run_id=call.flow_run_id,
        task_run_id=call.id,
        expires_at=None if until is None else clock.now() + until,
        task_key=call.task.key if shared else None,
        call=kept.call,
        parts=kept.parts if shared else None,
    )
    if kept.staged is None and not shared and store.folder is None:
        call.recorder.result(record)
    else:
        # A transaction may commit when the flow, and its recorder with it, has long ended.
        _publish(call.recorder, plan, record, at_once=shared or kept.staged is not None)
        if shared:
            keeper_of(call.flow).latest[call.task.key] = kept.parts
    return record


def run_key(call: TaskCall) -> str:
    """Give a key that begins with the run's id; later calls have later ones.

    In that order rows are added to the end of the store's index: at half the cost.
    """
    return f"{call.flow_run_id}.{call.position:06x}{call.id[-8:]}"


def _publish(recorder: Any, plan: Plan, record: ResultRecord, *, at_once: bool) -> None:
    """Make a record known: with the run's records, or at once when other runs look for it."""
    if not plan.store.by_record:
        plan.store.put(record)
    if at_once:
        try:
            recorder.backend.record(Batch(results=(record,)))
            return
        except OUTAGES:  # the run goes on; others find it when the store is back
            pass
    recorder.result(record)


def _filled(template: str, flow: FlowRunContext, values: dict[str, Any]) -> str:
    try:
        return template.format(flow_run=flow.flow_run, **values)
    except (KeyError, IndexError, AttributeError, ValueError) as error:
        raise InvalidInput(
            f"result_storage_key={template!r} cannot be filled in: {error!r}.",
            field="result_storage_key",
            hint="It knows {parameters[x]}, {flow_run.name}, {flow_run.id}, {task_run.name} …",
        ) from None


def _not_stored(error: Exception) -> str:
    return f"Result not stored: {texts.safe(getattr(error, 'message', str(error)))}"


def _unless_strict(state: State, plan: Plan, error: Exception) -> State:
    said = _not_stored(error)
    if not plan.strict:
        return states.told(state, said)
    return keep(states.Failed(message=said, details={"cause": "result.not_stored"}), error=error)


# -- flows --------------------------------------------------------------------------------------
def finish_flow(call: FlowCall, state: State) -> State:
    """Store the value of a flow that completed; give its state, which names the result."""
    plan = Plan(call.flow, None)
    if not plan.persist or not states.has_value(state):
        return state
    context, key = call.context, call.run.id
    if state.result_key is not None and plan.in_memory:  # of a task whose state it returned
        return states.named(state, state.result_key)
    try:
        if plan.template is not None:
            key = _filled(plan.template, context, {"parameters": context.parameters})
        record = plan.store.make(state.result(), key=key, flow_run_id=call.run.id)
        _publish(call.recorder, plan, record, at_once=False)
    except (NbflowError, OSError) as error:
        return _unless_strict(state, plan, error)
    state = states.named(state, record.key)
    return state if plan.in_memory else states.lend(state, partial(fetch, record))
