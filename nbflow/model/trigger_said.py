"""A trigger as people say it (Python, JSON, YAML), read strictly and checked for sense.

One reader behind every face. What cannot ever fire is refused with the reason; names of
deployments are still names: the authority looks them up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, NoReturn, get_args

from nbflow.exceptions import InvalidInput
from nbflow.model.event_views import ID
from nbflow.model.names import did_you_mean, shown
from nbflow.model.shapes import is_mapping, is_sequence, is_set
from nbflow.model.trigger_kinds import (
    KINDS,
    CompoundTrigger,
    EventTrigger,
    Metric,
    Operator,
    Status,
    Trigger,
    children,
    to_json,
)

#: seconds: the shortest watch, the longest window, and how long a metric must hold at least
SHORTEST_WATCH, LONGEST, SHORTEST_HOLD = 10.0, 366 * 86_400.0, 300.0
MOST_THRESHOLD, MOST_WORDS, MOST_TRIGGERS, DEEPEST = 1000, 50, 10, 3
LONGEST_WORD = 1024
#: what system events are about, and the states runs are usually in
NOUNS = (
    "flow-run task-run deployment schedule work-pool work-queue worker artifact variable backfill "
    "concurrency-limit block block-type block-schema block-document automation token"
).split()
_STATES = (
    "Scheduled Late AwaitingRetry AwaitingConcurrencySlot Resuming Pending Submitting "
    "InfrastructurePending NotReady Running Retrying Rerunning Paused Suspended Cancelling "
    "Cancelled Completed Cached Skipped Stopped RolledBack Failed TimedOut Crashed"
).split()
ROLES = (
    "flow flow-run deployment parent-flow-run work-pool work-queue schedule tag worker automation "
    "task-run block"
).split()


def read(said: Any, *, field: str = "trigger") -> Trigger:
    """Read a trigger, or refuse it. Raises InvalidInput, which names the field."""
    return _trigger(to_json(said), field, 1)


def normal(said: Any, *, field: str = "trigger") -> dict[str, Any]:
    """Give a trigger as it is kept. Raises InvalidInput."""
    return to_json(read(said, field=field))


def _trigger(said: Any, field: str, depth: int) -> Trigger:
    if not is_mapping(said):
        _fail(field, f"A trigger is an object, not {shown(said)}.")
    if depth > DEEPEST:
        _fail(field, f"Triggers are nested more than {DEEPEST} deep.")
    kind = said.get("type", "event")
    shape = KINDS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        hint = did_you_mean(str(kind), KINDS, "Known are")
        _fail(f"{field}.type", f"There is no trigger {shown(kind)}.", hint)
    _check_keys(said, shape, field, f"trigger of type {kind}")
    given = {key: _READ[key](said[key], f"{field}.{key}") for key in said if key in _READ}
    if "triggers" in said:
        given["triggers"] = _listed(said["triggers"], f"{field}.triggers", depth)
    made = shape(**{key: said[key] for key in said if key not in given} | given)
    _SENSE.get(kind, _no_more)(made, field)
    return made


def _check_keys(said: Mapping[Any, Any], shape: type[Any], field: str, what: str) -> None:
    known = [one.name for one in fields(shape)]
    for key in said:
        if key not in known:
            hint = did_you_mean(str(key), known, "Known are")
            _fail(f"{field}.{key}", f"A {what} has no {shown(key)}.", hint, "field.unknown")
    for one in fields(shape):
        lacks = one.default is MISSING and one.default_factory is MISSING
        if lacks and said.get(one.name) is None:
            _fail(f"{field}.{one.name}", f"A {what} needs {one.name}.", code="field.missing")


def _listed(said: Any, field: str, depth: int) -> tuple[Trigger, ...]:
    if not is_sequence(said) or not 1 < len(said) <= MOST_TRIGGERS:
        _fail(field, f"triggers is {shown(said)}; it is a list of 2 to {MOST_TRIGGERS} triggers.")
    return tuple(_trigger(one, f"{field}.{at}", depth + 1) for at, one in enumerate(said))


# -- fields -----------------------------------------------------------------------------------
def _labels(said: Any, field: str) -> dict[str, Any]:
    if not is_mapping(said) or len(said) > MOST_WORDS:
        _fail(field, f"{field} is {shown(said)}; it is an object of labels.")
    return {_word(key, field): _patterns(value, f"{field}.{key}") for key, value in said.items()}


def _patterns(said: Any, field: str) -> str | list[str]:
    if isinstance(said, str):
        return _pattern(said, field)
    if not is_sequence(said) or not said or len(said) > MOST_WORDS:
        _fail(field, f"{field} is {shown(said)}; it is a text, or a list of texts.")
    found = [_pattern(one, field) for one in said]
    refuse_contradiction(found, field)
    return found


def _pattern(said: Any, field: str) -> str:
    word = _word(said, field)
    bare = word.removeprefix("!")
    if "*" in bare[:-1]:
        _fail(field, f"{shown(word)}: a `*` stands at the end only.", code="trigger.pattern")
    if bare in ("", "*") and word != "*":
        never = f"{shown(word)} matches nothing."
        _fail(field, never, "Leave out the `!`, or write what is not meant.", "trigger.never")
    return word


def refuse_contradiction(patterns: Sequence[str], field: str) -> None:
    """Refuse patterns of which one takes away all that the others let in. Raises InvalidInput."""
    wanted = [one for one in patterns if not one.startswith("!")]
    banned = [one[1:] for one in patterns if one.startswith("!")]
    if wanted and all(any(_covers(no, yes) for no in banned) for yes in wanted):
        listed = ", ".join(map(shown, patterns))
        _fail(field, f"{listed} exclude each other: nothing matches.", code="trigger.never")


def _covers(wide: str, narrow: str) -> bool:
    if wide.endswith("*"):
        return narrow.startswith(wide[:-1])
    return wide == narrow


def _related(said: Any, field: str) -> list[dict[str, Any]]:
    if is_mapping(said):
        return [_labels(said, field)] if said else []
    if not is_sequence(said) or len(said) > MOST_TRIGGERS:
        _fail(field, f"{field} is {shown(said)}; it is an object of labels, or a list of them.")
    return [_labels(one, f"{field}.{at}") for at, one in enumerate(said)]


def _names(said: Any, field: str) -> list[str]:
    listed = [said] if isinstance(said, str) else said
    listed = sorted(listed, key=str) if is_set(listed) else listed
    if not is_sequence(listed) or len(listed) > MOST_WORDS:
        _fail(field, f"{field} is {shown(said)}; it is a list of events' names.")
    found = [_pattern(one, field) for one in dict.fromkeys(listed)]
    for name in found:
        _check_event(name, field)
    refuse_contradiction(found, field)
    return found


def _check_event(name: str, field: str) -> None:
    """Refuse the name of a system event that there is not. Raises InvalidInput."""
    bare = name.removeprefix("!")
    if not bare.startswith("nbflow.") or bare.endswith("*"):
        return
    noun, _, kind = bare.removeprefix("nbflow.").partition(".")
    if noun not in NOUNS:
        hint = did_you_mean(noun, NOUNS, "Events are about")
        _fail(field, f"There are no events {shown(bare)}: nothing matches.", hint, "trigger.never")
    if not kind:
        _fail(field, f"{shown(bare)} names no event.", f"Write {bare}.*", "trigger.never")
    if noun in ("flow-run", "task-run") and kind not in _STATES:
        right = next((one for one in _STATES if one.lower() == kind.lower()), None)
        if right is not None:
            said = f"States have capitals: {shown(bare)} matches nothing."
            _fail(field, said, f"Write nbflow.{noun}.{right}.", "trigger.never")


def _for_each(said: Any, field: str) -> list[str]:
    listed = [said] if isinstance(said, str) else said
    if not is_sequence(listed) or len(listed) > MOST_TRIGGERS:
        _fail(field, f"{field} is {shown(said)}; it is a list of labels.")
    return [_counted_by(_word(one, field), field) for one in dict.fromkeys(listed)]


def _counted_by(label: str, field: str) -> str:
    if label.startswith("related:"):
        role, _, of = label.removeprefix("related:").partition(":")
        if not role or not of:
            hint = f"Write related:ROLE:LABEL, as in related:flow:{ID}."
            _fail(field, f"{shown(label)} is no label of a related resource.", hint)
    return label


def _word(said: Any, field: str) -> str:
    if not isinstance(said, str) or not said.strip() or len(said) > LONGEST_WORD:
        _fail(field, f"{field} has {shown(said)}; it is a text of 1 to {LONGEST_WORD} characters.")
    return said


def _optional(said: Any, field: str) -> str | None:
    return None if said is None else _word(said, field)


def _choice(among: Sequence[str]) -> Callable[[Any, str], str]:
    def read_choice(said: Any, field: str) -> str:
        if said not in among:
            _fail(field, f"{field} is {shown(said)}.", f"It is one of: {', '.join(among)}.")
        return said

    return read_choice


def _seconds(said: Any, field: str) -> float:
    good = isinstance(said, (int, float)) and not isinstance(said, bool)
    if not good or not math.isfinite(said) or not 0 <= said <= LONGEST:
        hint = f"It is a number of seconds, 0 to {LONGEST:.0f} (a year)."
        _fail(field, f"{field} is {shown(said)}.", hint)
    return float(said)


def _within(said: Any, field: str) -> float | None:
    return None if said is None else _seconds(said, field)


def _threshold(said: Any, field: str) -> float:
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not math.isfinite(said):
        _fail(field, f"{field} is {shown(said)}; it is a number.")
    return said


def _require(said: Any, field: str) -> Any:
    whole = isinstance(said, int) and not isinstance(said, bool)
    if said not in ("all", "any") and not whole:
        _fail(field, f"{field} is {shown(said)}; it is all, any, or how many.")
    return said


def _value(said: Any, field: str) -> Any:
    if not isinstance(said, (str, int, float, bool, type(None))):
        _fail(field, f"{field} is {shown(said)}; it is a number, a text, true, false or null.")
    return said


_READ: Mapping[str, Callable[[Any, str], Any]] = {
    "match": _labels,
    "match_related": _related,
    "after": _names,
    "expect": _names,
    "for_each": _for_each,
    "posture": _choice(("Reactive", "Proactive")),
    "threshold": _threshold,
    "within": _within,
    "require": _require,
    "metric": _choice(get_args(Metric)),
    "operator": _choice(get_args(Operator)),
    "range": _seconds,
    "firing_for": _seconds,
    "deployment": _optional,
    "flow": _optional,
    "notebook": _optional,
    "name": _word,
    "value": _value,
    "of": _choice(("deployment", "work-pool", "work-queue")),
    "status": _choice(get_args(Status)),
}


# -- sense ------------------------------------------------------------------------------------
def _event(made: Any, field: str) -> None:
    proactive = made.posture == "Proactive"
    if not isinstance(made.threshold, int) or not 1 <= made.threshold <= MOST_THRESHOLD:
        what = f"threshold is {shown(made.threshold)}; it is 1 to {MOST_THRESHOLD} events."
        _fail(f"{field}.threshold", what)
    if made.within is None:
        _fail(f"{field}.within", "within is null; an event trigger says its seconds.")
    if proactive and made.within < SHORTEST_WATCH:
        said = f"A proactive trigger waits at least {SHORTEST_WATCH:.0f} s, not {made.within:g}."
        _fail(f"{field}.within", said, "Say for how many seconds nothing may be heard.")
    if not made.within and (made.threshold > 1 or made.after):
        what = "after opens" if made.after else "threshold counts in"
        said = f"within is 0: no two events fit into the window {what}."
        _fail(f"{field}.within", said, "Say within in seconds.", "trigger.never")
    _check_nouns(made, field)
    _check_roles(made, field)


def _check_nouns(made: EventTrigger, field: str) -> None:
    """Refuse a resource that the named events are never about. Raises InvalidInput."""
    said = made.match.get(ID)
    about = _nouns([said] if isinstance(said, str) else said or ())
    if about is None:
        return
    for key in ("expect", "after"):
        named = _nouns(getattr(made, key))
        if named is not None and not about & named:
            what = f"{key} is about {_list(named)}, match about {_list(about)}: nothing matches."
            _fail(f"{field}.{key}", what, code="trigger.never")


def _nouns(patterns: Sequence[str]) -> set[str] | None:
    """Give the nouns of names like `nbflow.NOUN.…`; None: they may be of any."""
    wanted = [one for one in patterns if not one.startswith("!")]
    parts = [one.split(".") for one in wanted]
    if not parts or not all(len(p) > 2 and p[0] == "nbflow" for p in parts):
        return None
    return {p[1] for p in parts}


def _check_roles(made: EventTrigger, field: str) -> None:
    """Refuse counting by a role no system event has (a user's event may have any)."""
    if not made.expect or not all(one.startswith("nbflow.") for one in made.expect):
        return
    for label in made.for_each:
        role = label.removeprefix("related:").partition(":")[0]
        if label.startswith("related:") and role not in ROLES:
            hint = did_you_mean(role, ROLES, "Known are")
            _fail(f"{field}.for_each", f"Nothing is related as {shown(role)}.", hint)


def _compound(made: CompoundTrigger, field: str) -> None:
    most = len(made.triggers)
    if isinstance(made.require, int) and not 1 <= made.require <= most:
        said = f"require is {made.require} of {most} triggers."
        _fail(f"{field}.require", said, f"It is all, any, or 1 to {most}.", "trigger.never")


def _metric(made: Any, field: str) -> None:
    if made.firing_for < SHORTEST_HOLD:
        said = f"firing_for is {made.firing_for:g} s; {SHORTEST_HOLD:.0f} is the least."
        _fail(f"{field}.firing_for", said)
    if made.range < SHORTEST_HOLD:
        said = f"range is {made.range:g} s; {SHORTEST_HOLD:.0f} is the least."
        _fail(f"{field}.range", said)
    least, most = 0.0, 1.0 if made.metric == "success-rate" else math.inf
    never = {
        "<": made.threshold <= least, "<=": made.threshold < least,
        ">": made.threshold >= most, ">=": made.threshold > most,
        "==": not least <= made.threshold <= most,
    }  # fmt: skip
    if never.get(made.operator):
        said = f"A {made.metric} is never {made.operator} {made.threshold:g}."
        _fail(f"{field}.threshold", said, code="trigger.never")


def _cell_value(made: Any, field: str) -> None:
    ordered = made.operator in ("<", "<=", ">", ">=")
    if ordered and (isinstance(made.value, bool) or made.value is None):
        _fail(f"{field}.value", f"Nothing is {made.operator} {shown(made.value)}.")


def _freshness(made: Any, field: str) -> None:
    if made.within is None or made.within < SHORTEST_WATCH:
        _fail(f"{field}.within", f"within is at least {SHORTEST_WATCH:.0f} seconds.")


def _no_more(_made: Any, _field: str) -> None:
    return


_SENSE: Mapping[str, Callable[[Any, str], None]] = {
    "event": _event,
    "compound": _compound,
    "metric": _metric,
    "cell-value": _cell_value,
    "freshness": _freshness,
}


def leaves(trigger: Trigger) -> Iterable[Trigger]:
    """Give the triggers of a tree that have none below them."""
    below = children(trigger)
    return [leaf for one in below for leaf in leaves(one)] if below else [trigger]


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _fail(
    field: str, message: str, hint: str | None = None, code: str = "trigger.invalid"
) -> NoReturn:
    raise InvalidInput(message, code=code, field=field, hint=hint)
