"""A verdict as the API tells it: a word says which of the three it is."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nbflow.model import reading
from nbflow.model.verdicts import Abort, Accept, Verdict, Wait

_VERDICTS: Mapping[str, type[Accept] | type[Wait] | type[Abort]] = {
    "accept": Accept,
    "wait": Wait,
    "abort": Abort,
}


def verdict_of(text: str) -> Verdict:
    """Read the answer to a proposal."""
    return reading.answer(_VERDICTS[json.loads(text)["verdict"]], text)
