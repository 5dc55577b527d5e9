"""Which environment variables reach the kernel of a run. Pure: who starts kernels asks here.

A kernel sees what it would see in Lab, less the secrets of nbflow, Jupyter and its hub. A list of
what may pass instead would keep AWS_PROFILE, proxies, CUDA_VISIBLE_DEVICES, LD_LIBRARY_PATH and a
site's own variables from notebooks that work interactively, and so break by night what works by
day; and it would protect nothing that the same person's kernel in Lab is not given. Who wants such
a list nevertheless says it (`kernel_env`); secrets are withheld whatever it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from nbflow import settings

_WITHHELD = re.compile(
    r"(?:JUPYTER|JUPYTERHUB|JPY|NBFLOW)_(?:\w+_)?(?:TOKEN|PASSWORD|SECRET|KEY)S?"
    r"|CONFIGPROXY_AUTH_TOKEN|PG\w*PASSWORD",
    re.ASCII,
)

#: what no program, or none of nbflow's, runs well without: allowed whatever a list says
_NEEDED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TERM",
    "MPLBACKEND", "NBFLOW_*", "JPY_SESSION_NAME", "JPY_PARENT_PID", "PYDEVD_*",
)  # fmt: skip


#: names, with commas, of the variables that a run's job sets
JOB = "NBFLOW_JOB_ENV"


def withheld(name: str) -> bool:
    """Say whether a variable is kept from processes that run user code."""
    return _WITHHELD.fullmatch(name) is not None


def given(env: Mapping[str, str]) -> dict[str, str]:
    """Give what of an environment a kernel gets; a store's address loses its password."""
    said = [word.strip() for word in settings.kernel_env.split(",") if word.strip()]
    of_job = env.get(JOB, "").split(",")  # named by whoever deployed it
    allowed = (*_NEEDED, *said, *of_job) if said else ("*",)
    kept = {
        name: value
        for name, value in env.items()
        if not withheld(name) and any(fnmatchcase(name, pattern) for pattern in allowed)
    }
    if "NBFLOW_DATABASE_URL" in kept:
        kept["NBFLOW_DATABASE_URL"] = _without_password(kept["NBFLOW_DATABASE_URL"])
    return kept


def _without_password(url: str) -> str:
    """Give a store's address for who may find the password elsewhere (`~/.pgpass`), or not at all.

    The address stays: without it a kernel would open, and fill, another store.
    """
    plain = re.sub(r"^([\w+]+://[^:/@]*):[^@]*@", r"\1@", url)  # as SQLAlchemy reads it
    return re.sub(r"(?<=[?&])password=[^&]*&?", "", plain).rstrip("?&")
