"""Identifiers: UUID version 7 (RFC 9562), so that ids made later sort later."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_ADJECTIVES = (
    "amber bold brave brisk calm clever coral crisp eager early fair fleet gentle glad golden "
    "grand happy hazel humble ivory jolly keen kind light lively lucid lucky mellow merry misty "
    "nimble noble olive patient plucky proud quick quiet rapid rosy royal sage sharp silver "
    "snowy steady sunny swift tidy vivid warm wise witty zesty"
).split()
_ANIMALS = (
    "badger bat bear beaver bee bison crane crow deer dove duck eagle egret falcon ferret finch "
    "fox frog gecko goose hare hawk heron ibis jay kite koala lark lemur lion lynx marten mole "
    "moose moth newt otter owl panda pika plover puffin quail rabbit raven robin seal shrew "
    "sparrow stork swan swift tern tiger toad trout vole whale wolf wren yak"
).split()


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_DIGITS = 19
_MILLI = 1_000_000  # nanoseconds
#: not the shared generator: naming a run must not move a user's seeded numbers
_names = random.Random()


_pool: Iterator[str] = iter(())
#: the latest millisecond, and how ids made in it begin
_now = (0, "")


def uuid7() -> str:
    """Make an id: 48 bits of milliseconds, 74 random bits, canonical text."""
    global _now
    at = time.time_ns() // _MILLI
    known, beginning = _now
    if at != known:
        digits = f"{at:012x}"
        beginning = f"{digits[:8]}-{digits[8:]}-"
        _now = (at, beginning)
    return beginning + (next(_pool, None) or _refill())


def _refill() -> str:
    """Draw the ends of many ids at once: each draw gives up the GIL, and threads then fight."""
    global _pool
    digits = os.urandom(_DIGITS * 128).hex()
    _pool = iter([_end(digits[at : at + _DIGITS]) for at in range(0, len(digits), _DIGITS)])
    return next(_pool, None) or _refill()


def _end(text: str) -> str:
    return f"7{text[:3]}-{_VARIANT[text[3]]}{text[4:7]}-{text[7:]}"


def _forget() -> None:
    global _pool
    _pool = iter(())
    _names.seed()


os.register_at_fork(after_in_child=_forget)  # or the child repeats its parent's ids


def canonical(text: str) -> bool:
    """Say whether a text is an id in canonical form."""
    return bool(_CANONICAL.fullmatch(text))


def run_name() -> str:
    """Make a name people can say: adjective-animal."""
    drawn = _names.random  # a third of what two choices cost
    adjective = _ADJECTIVES[int(drawn() * len(_ADJECTIVES))]
    return f"{adjective}-{_ANIMALS[int(drawn() * len(_ANIMALS))]}"
