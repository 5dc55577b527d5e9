"""Cron expressions, intervals, rules, dates, zones and bounds that are wrong (rows 1 to 58)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from nbflow import connect
from nbflow.cli import main
from nbflow.exceptions import InvalidInput
from nbflow.model.backfills import NewBackfill
from nbflow.model.schedule_said import new_schedule_of
from nbflow.model.schedules import Cron, Interval, RRule, timing_from_json

#: how each part of a timing is typed
_TYPED = {
    "cron": "--cron",
    "every": "--every",
    "rrule": "--rrule",
    "timezone": "--timezone",
    "anchor_date": "--anchor",
    "starts_at": "--starts-at",
    "ends_at": "--ends-at",
    "catchup_max": "--catchup-max",
}


def said(
    row: int, what: str, body: dict[str, Any], code: str, field: str | None = None, **more: Any
) -> dict[str, Any]:
    """A row of a schedule given to a deployment; what can be typed is typed as well."""
    field = field or next(iter(body))
    found = {
        "row": row,
        "what": what,
        "rest": ("POST", "deployments/kept/schedules", body),
        "python": lambda backend: backend.create_schedule("kept", new_schedule_of(body)),
        "code": code,
        "field": field,
        **more,
    }
    typed = more.pop("cli", None) or _typed(body)
    return found | ({"cli": typed} if typed else {})


def _typed(body: dict[str, Any]) -> list[str] | None:
    typable = all(
        name in _TYPED and (isinstance(value, str) or name == "catchup_max")
        for name, value in body.items()
    )
    if not typable or any("\x00" in str(value) for value in body.values()):
        return None
    zone = [] if "timezone" in body else ["--timezone=UTC"]
    words = [f"{_TYPED[name]}={value}" for name, value in body.items()]
    return ["schedule", "create", "kept", *words, *zone]


def cron(row: int, text: str, code: str, hint: str | None = None) -> dict[str, Any]:
    """A row of a cron expression."""
    return said(row, text[:30] or "nothing", {"cron": text}, f"cron.{code}", "cron", hint=hint)


def rrule(row: int, text: str, code: str, hint: str | None = None) -> dict[str, Any]:
    """A row of a recurrence rule."""
    return said(row, text[-50:] or "nothing", {"rrule": text}, f"rrule.{code}", "rrule", hint=hint)


def interval(row: int, value: Any, code: str, hint: str | None = None) -> dict[str, Any]:
    """A row of an interval."""
    return said(row, repr(value), {"interval": value}, f"interval.{code}", "interval", hint=hint)


def anchor(row: int, value: Any, hint: str | None = None) -> dict[str, Any]:
    """A row of an instant."""
    body = {"interval": 60, "anchor_date": value}
    typed = ["schedule", "create", "kept", "--every=1m", f"--anchor={value}", "--timezone=UTC"]
    return said(row, str(value)[:30], body, "datetime.invalid", "anchor_date", hint=hint, cli=typed)


def zone(row: int, value: Any, hint: str | None = None) -> dict[str, Any]:
    """A row of a time zone."""
    body = {"cron": "0 7 * * *", "timezone": value}
    return said(row, ascii(value)[:30], body, "timezone.unknown", "timezone", hint=hint)


def bound(row: int, code: str, field: str, **bounds: Any) -> dict[str, Any]:
    """A row of a daily schedule's bounds."""
    return said(row, str(bounds)[:50], {"cron": "0 7 * * *", **bounds}, code, field)


CRON = [
    cron(1, "60 * * * *", "out_of_range", "minute 60 (0–59)"),
    cron(2, "0 24 * * *", "out_of_range", "0 0 * * *"),
    cron(3, "0 0 0 * *", "out_of_range", "day 0 (1–31)"),
    cron(3, "0 0 32 * *", "out_of_range", "day 32 (1–31)"),
    cron(4, "0 0 * 13 *", "out_of_range", "month 13 (1–12)"),
    cron(5, "0 0 * * 8", "out_of_range", "weekday 8 (0–7)"),
    cron(6, "0 0 31 2 *", "never_fires"),
    cron(6, "0 0 30 2 *", "never_fires"),
    cron(6, "0 0 31 4,6,9,11 *", "never_fires", "8 years"),
    cron(9, "* * * * * *", "fields", "5 fields expected, got 6; seconds"),
    cron(9, "* * * * * * *", "fields", "got 7"),
    cron(10, "* * * *", "fields", "got 4"),
    cron(10, "", "fields", "got 0"),
    cron(10, "   ", "fields"),
    cron(10, "*\t* * * *", "fields", "tab"),
    cron(10, "* *\n* * *", "fields", "line break"),
    cron(11, "@reboot", "unsupported_alias", "@daily"),
    cron(13, "@every 5m", "unsupported_alias", "interval"),
    cron(14, "*/0 * * * *", "step"),
    cron(14, "*/-1 * * * *", "step"),
    cron(14, "*/1.5 * * * *", "step"),
    cron(15, "*/61 * * * *", "step"),
    cron(15, "*/90 * * * *", "step", "wider"),
    cron(16, "59-0 * * * *", "syntax", "backwards"),
    cron(17, "1,2,,3 * * * *", "syntax", "position 5"),
    cron(17, ", * * * *", "syntax"),
    cron(17, "- * * * *", "syntax"),
    cron(17, "1- * * * *", "syntax"),
    cron(17, "-1 * * * *", "syntax"),
    cron(18, "a b c d e", "syntax"),
    cron(18, "mon * * * *", "syntax", "Names are only for the month and weekday"),
    cron(20, "0 0 * * mon#6", "out_of_range", "1–5"),
    cron(21, "0 0 15W * *", "syntax", "W"),
    cron(21, "0 0 ? * *", "syntax", "Use *."),
    cron(22, "R * * * *", "syntax", "Random"),
    cron(22, "H * * * *", "syntax", "hashed"),
    cron(23, "\u0660 * * * *", "syntax", "U+0660"),
    cron(23, "\uff11 * * * *", "syntax", "U+FF11"),
    cron(23, "*\u00a0* * * *", "syntax", "U+00A0"),
    cron(24, f"{'5' * 5000} * * * *", "too_long", "256"),
    cron(24, f"{','.join(['1'] * 20_000)} * * * *", "too_long"),
    cron(25, "0 0 * * *; rm -rf /", "syntax"),
    cron(25, "$(id) * * * *", "syntax"),
    cron(25, "'0' * * * *", "syntax"),
    cron(26, "59/15 * * * *", "step", "59"),
    cron(27, "0 0 1 1 * 0 2099", "fields", "years"),
    *(
        said(28, repr(value), {"cron": value}, "cron.type", "cron")
        for value in (None, 5, True, ["* * * * *"])
    ),
]

TIMES = [
    interval(29, 0, "not_positive"),
    interval(29, -5, "not_positive"),
    interval(29, "-PT1H", "not_positive"),
    interval(30, 0.001, "too_small", "One second"),
    interval(31, 10**12, "too_large", "Ten years"),
    interval(31, "P99999Y", "too_large"),
    interval(31, "P999999999999D", "type"),
    interval(32, "P1M", "type", "cron or rrule"),
    interval(32, "P1Y", "type", "cron or rrule"),
    interval(33, "1 hour", "type", "PT6H"),
    interval(33, True, "type"),
    interval(33, None, "type"),
    interval(33, [], "type"),
    {"row": 29, "what": "typed 0s", "code": "interval.not_positive", "field": "interval",
     "cli": ["schedule", "create", "kept", "--every", "0s"]},
    {"row": 33, "what": "typed soon", "code": "usage",
     "cli": ["schedule", "create", "kept", "--every", "soon"]},
    {"row": 33, "what": "NaN", "code": "interval.type", "field": "interval",
     "python": lambda _: Interval(float("nan"))},
    {"row": 33, "what": "inf", "code": "interval.type", "field": "interval",
     "python": lambda _: Interval(float("inf"))},
    anchor(37, "2026-02-30"),
    anchor(37, "2026-13-01"),
    anchor(37, "2026-01-01T24:00:00", "00:00 of the next day"),
    anchor(37, "2026-01-01T23:59:60", "59"),
    anchor(38, 1760000000, "2026-11-22T13:00:00+01:00"),
    anchor(38, 1760000000000),
    anchor(38, "1760000000"),
    anchor(39, "2026-01-01T00:00:00+15:00", "+14:00"),
    anchor(39, "2026-01-01T00:00:00+24:00"),
    anchor(34, "0001-01-01"),
    anchor(34, "9999-12-31"),
    anchor(34, "1002026-01-01"),
]  # fmt: skip

RULES = [
    rrule(40, "FREQ=FOO", "syntax", "YEARLY"),
    rrule(40, "", "syntax"),
    rrule(41, "FREQ=DAILY;INTERVAL=0", "out_of_range"),
    rrule(41, "FREQ=DAILY;INTERVAL=-1", "out_of_range"),
    rrule(43, "FREQ=SECONDLY", "out_of_range", "interval"),
    rrule(44, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never_fires"),
    rrule(44, "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "never_fires"),
    rrule(44, "FREQ=YEARLY;BYMONTH=13", "out_of_range", "1–12"),
    rrule(44, "FREQ=DAILY;BYHOUR=25", "out_of_range"),
    rrule(44, "FREQ=DAILY;BYSECOND=61", "out_of_range"),
    rrule(45, "FREQ=DAILY;COUNT=0", "out_of_range"),
    rrule(45, "FREQ=DAILY;COUNT=-5", "out_of_range"),
    rrule(46, "DTSTART:20260201T000000\nRRULE:FREQ=DAILY;UNTIL=20260101T000000Z", "never_fires",
          "2026-01-01 00:00:00"),
    rrule(46, "DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=DAILY;UNTIL=20270101T000000",
          "timezone", "Z at its end"),
    rrule(47, "RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "syntax", "2 RRULE"),
    rrule(47, "DTSTART:20260101T000000\nRRULE:FREQ=DAILY;COUNT=1\nEXDATE:20260101T000000",
          "never_fires"),
    rrule(47, "RRULE:FREQ=DAILY\nRDATE:" + ",".join(["20270101T000000"] * 10_000), "too_long"),
    rrule(48, "FREQ=DAILY;INTERVAL=999999999999", "out_of_range", "ten years"),
]  # fmt: skip

ZONES = [
    zone(49, "Mars/Phobos"),
    zone(49, ""),
    zone(49, "europe/berlin", "Europe/Berlin"),
    zone(49, "utc", "UTC"),
    zone(50, "../../etc/passwd"),
    zone(50, "/etc/localtime"),
    zone(50, "UTC\x00"),
    zone(50, "x" * 5000),
    zone(50, "Europe"),
    zone(50, None),
    zone(50, 5),
    zone(51, "GMT+5"),
    zone(51, "Etc/GMT+14"),
]

HOURLY = {"interval": 3600}
BOUNDS = [
    said(53, "the same twice", HOURLY, "schedule.duplicate", "timing", status=409,
         cli=["schedule", "create", "kept", "--every", "1h", "--timezone", "UTC"]),
    bound(54, "schedule.ends_before_start", "ends_at",
          starts_at="2030-01-02T00:00:00Z", ends_at="2030-01-01T00:00:00Z"),
    bound(54, "schedule.past", "ends_at", ends_at="2020-01-01T00:00:00Z"),
    bound(55, "field.invalid", "jitter_seconds", jitter_seconds=-1),
    bound(55, "jitter.too_large", "jitter_seconds", jitter_seconds=90_000),
    bound(56, "field.invalid", "catchup_max", catchup_max=10**9),
    bound(56, "field.invalid", "catchup_window_seconds", catchup_window_seconds=-1),
    {"row": 57, "what": "1970 to 2100 minutely", "code": "backfill.too_many", "field": "until",
     "hint": "1,000 is the most",
     "rest": ("POST", "backfills", {"deployment": "kept", "timing": {"cron": "* * * * *"},
              "since": "1970-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}),
     "cli": ["backfill", "run", "kept", "--cron=* * * * *", "--timezone=UTC",
             "--since=1970-01-01", "--until=2100-01-01", "--yes"],
     "python": lambda backend: backend.create_backfill(
         NewBackfill("kept", datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC),
                     timing=Cron("* * * * *")))},
    {"row": 58, "what": "a preview of a million", "code": "count.range", "field": "count",
     "hint": "100",
     "rest": ("POST", "schedules/preview", {"timing": HOURLY, "count": 10**6})},
    {"row": 58, "what": "a typed preview of a million", "code": "usage", "field": "count",
     "hint": "100", "cli": ["schedule", "preview", "--every=1h", "--count=1000000"]},
]  # fmt: skip

ROWS = [*CRON, *TIMES, *RULES, *ZONES, *BOUNDS]


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()


#: what looks wrong and is not: what it is kept as, and a word of what is said of it
ACCEPTED: list[tuple[int, dict[str, Any], str, str]] = [
    (5, {"cron": "0 0 * * 7"}, "0 0 * * 7", "Sunday"),
    (7, {"cron": "0 0 29 2 *"}, "0 0 29 2 *", "only in leap years; the next is 29 February"),
    (8, {"cron": "0 0 31 2 0"}, "0 0 31 2 0", "match either"),
    *(
        (12, {"cron": alias}, kept, "")
        for alias, kept in (
            ("@daily", "0 0 * * *"),
            ("@midnight", "0 0 * * *"),
            ("@hourly", "0 * * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
        )
    ),
    (19, {"cron": "0 0 * JAN mon-fri"}, "0 0 * JAN mon-fri", "weekdays in January"),
    (21, {"cron": "0 0 L * *"}, "0 0 L * *", "the last day"),
    (21, {"cron": "0 0 * * L5"}, "0 0 * * L5", "the last Friday"),
    (28, {"cron": "0 7 * * *\r\n"}, "0 7 * * *", "07:00"),
    (30, {"interval": 1}, "1", "second"),
    (34, {"interval": 60, "anchor_date": "0002-01-01T00:00:00Z"}, "60", "minute"),
    (39, {"interval": 60, "anchor_date": "2026-01-01T00:00:00+14:00"}, "60", "minute"),
    (39, {"interval": 60, "anchor_date": "2026-01-01T00:00:00-12:00"}, "60", "minute"),
    (42, {"rrule": "FREQ=DAILY"}, "FREQ=DAILY", "Every day"),
    (43, {"rrule": "DTSTART:19700101T000000\nRRULE:FREQ=MINUTELY"}, "", "minute"),
    (45, {"rrule": "FREQ=DAILY;COUNT=100000000000"}, "FREQ=DAILY;COUNT=100000000000", ""),
    (51, {"cron": "0 7 * * *", "timezone": "EST"}, "0 7 * * *", "no daylight saving time"),
    (52, {"cron": "0 7 * * *", "timezone": "Europe/Kiev"}, "0 7 * * *", "Europe/Kiev"),
]


@pytest.mark.parametrize(("row", "timing", "kept", "word"), ACCEPTED, ids=str)
def test_is_taken_and_said_in_words(
    asking: Any, store: Any, capsys: Any, row: int, timing: dict[str, Any], kept: str, word: str
) -> None:
    began = time.process_time()
    read = timing_from_json(timing)
    assert read.next(1)
    assert time.process_time() - began < 2
    if kept:
        text = {Cron: "cron", RRule: "rrule"}.get(type(read))
        assert (getattr(read, text) if text else f"{read.interval.total_seconds():g}") == kept
    reply = asking("POST", "schedules/preview", {"timing": timing})
    assert reply.status == 200, reply.text
    told = reply.json()
    assert word in " ".join([told["description"], *told["notes"]])
    assert len(told["next"]) == 5
    typed = _typed(timing)
    if typed is not None:
        assert main.run(["schedule", "preview", *typed[3:]]) == 0
        said = capsys.readouterr()
        assert word in said.out + said.err


def test_an_expression_as_long_as_a_body_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        Cron("1" * 1_000_000)
    assert refused.value.code == "cron.too_long"
    assert time.process_time() - began < 1


def test_nothing_was_written_by_any_of_it(asking: Any, store: Any) -> None:
    backend = connect.connect()
    assert len(backend.list_schedules().rows) == 1
    assert len(asking("GET", "schedules").json()["rows"]) == 1
