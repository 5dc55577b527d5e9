"""`python -m nbflow.notifications`: one action from standard input, its answer to standard output.

Whatever a library prints goes to standard error, so that the answer is one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys

#: bytes of an action with its event
LARGEST = 2_000_000
#: seconds of CPU, and bytes of memory, that one action may take
_CPU, _MEMORY = 30, 2 << 30


def main() -> None:
    """Do the action that stands on standard input."""
    answers = os.dup(1)
    os.dup2(2, 1)
    for limit, most in ((resource.RLIMIT_CPU, _CPU), (resource.RLIMIT_AS, _MEMORY)):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, hard))
    said = json.loads(sys.stdin.buffer.read(LARGEST))
    from nbflow.notifications import acting

    answer = json.dumps(acting.act(said))
    with os.fdopen(answers, "w") as out:
        out.write(f"{answer}\n")


if __name__ == "__main__":
    main()
