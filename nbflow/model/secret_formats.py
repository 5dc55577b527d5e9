"""What well-known secrets look like, whoever's they are: keys and tokens that say what they are."""

from __future__ import annotations

import re

_FORMATS = re.compile(
    r"""
      \b(?:AKIA|ASIA)[A-Z2-7]{16}\b                                       # AWS
    | \bgh[pousr]_[A-Za-z0-9]{36,255}\b | \bgithub_pat_[A-Za-z0-9_]{22,255}\b
    | \bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,250}                   # Slack
    | (?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[A-Za-z0-9_/+-]{20,120}
    | \bAIza[A-Za-z0-9_-]{35} | \bya29\.[A-Za-z0-9_-]{20,500}             # Google
    | \b[srp]k_(?:live|test)_[A-Za-z0-9]{16,250}\b | \bwhsec_[A-Za-z0-9]{16,250}\b   # Stripe
    | \beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{10,2000}    # JWT
    """,
    re.VERBOSE,
)
_KIND = r"(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
#: a private key, whole, or as far as it goes; its line breaks may be written as escapes
_KEY = re.compile(
    rf"-----BEGIN {_KIND}"
    rf"(?:[^-]{{0,20000}}-----END {_KIND}|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{{16,}})*)"
)


def suspicious(text: str) -> bool:
    """Say whether a text may hold one: a quick look, since every text that leaves is looked at."""
    return (
        ("_" in text and ("gh" in text or "k_" in text or "_pat_" in text or "whsec_" in text))
        or "AKIA" in text or "ASIA" in text or "xox" in text or "slack.com/" in text
        or "AIza" in text or "ya29." in text or ".eyJ" in text or "PRIVATE KEY" in text
    )  # fmt: skip


def mask(text: str, instead: str) -> str:
    """Give a text with what looks like a well-known secret replaced."""
    text = _FORMATS.sub(instead, text)
    return _KEY.sub(instead, text) if "PRIVATE KEY" in text else text
