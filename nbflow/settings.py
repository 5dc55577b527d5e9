"""Every setting nbflow has: one list, read from `NBFLOW_*` environment variables.

`nbflow.settings.lease_seconds` is a value; the server extension offers the same names as traitlets
(`NbflowApp.lease_seconds`). Precedence: `override(...)` > environment > default. Reading a setting
has no side effects; making the home folder is `ensure_home()`.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.exceptions import InvalidInput


@dataclass(frozen=True)
class Setting:
    """One setting: its default (which also gives its type) and what it means."""

    default: Any
    help: str
    secret: bool = False


SETTINGS: dict[str, Setting] = {
    "home": Setting(
        "~/.nbflow", "Folder of the SQLite file, runs, snapshots and spool (mode 0700)."
    ),
    "database_url": Setting(
        "", "The store: sqlite:////… or postgresql://…; empty: SQLite in the home folder."
    ),
    "api_url": Setting("", "Address of an nbflow server's API; empty: open the store directly."),
    "api_token": Setting("", "Token sent to that server.", secret=True),
    "ui_url": Setting(
        "", "Address at which people open this server, for links in messages; empty: api_url's."
    ),
    "outgoing_http": Setting(
        False, "Let webhooks and notifications use http, where nobody along the way may not read."
    ),
    "outgoing_hosts": Setting(
        "",
        "Hosts that webhooks and notifications may reach although their addresses are private: "
        "names, addresses or networks, each with a port if not 80, 443 or a mail port; commas "
        "between: chat.example.org, 10.1.0.0/16, localhost:8025.",
    ),
    "outgoing_seconds": Setting(10.0, "How long one webhook or notification may take."),
    "secret_keys": Setting(
        "", "Keys of the blocks' secrets, newest first, commas between.", secret=True
    ),
    "secret_key_file": Setting(
        "~/.config/nbflow/key", "The file of these keys where NBFLOW_SECRET_KEYS is not set."
    ),
    "secret_keyring": Setting(
        False, "Keep these keys in the system's keyring instead of a file (package keyring)."
    ),
    "scheduler": Setting(True, "Run the scheduler and reaper inside the Jupyter server."),
    "worker": Setting(True, "Keep one local worker process beside the Jupyter server."),
    "worker_pool": Setting("default", "Work pool of the local worker, and of new deployments."),
    "worker_limit": Setting(4, "How many runs one worker executes at once."),
    "executor_idle_seconds": Setting(
        600.0, "How long a worker keeps a warm process for the next run; 0: it keeps none."
    ),
    "heartbeat_seconds": Setting(5.0, "How often a lease is renewed."),
    "lease_seconds": Setting(30.0, "How long a claim is trusted without a renewal."),
    "reaper_seconds": Setting(1.0, "How often lost runs are looked for."),
    "late_seconds": Setting(15.0, "A run not started this long after it was due is Late."),
    "job_env_allowed": Setting(
        "",
        "Variables that steer programs (LD_*, PYTHONSTARTUP, JUPYTER_*) and that job variables may "
        "set all the same; commas between, * for any end.",
    ),
    "kernel_env": Setting(
        "",
        "Variables that kernels of runs get, beside nbflow's and those every program needs; commas "
        "between, * for any end. Empty: all but the secrets of nbflow, Jupyter and its hub.",
    ),
    "drain_seconds": Setting(30.0, "How long a stopping worker lets its runs finish."),
    "hooks_seconds": Setting(
        600.0, "How long the process of a run that has ended may go on, to call its hooks."
    ),
    "interrupt_seconds": Setting(10.0, "Cancel: from interrupt to terminate."),
    "terminate_seconds": Setting(5.0, "Cancel: from terminate to kill."),
    "catchup_window_seconds": Setting(86400.0, "How far back missed schedules are made up."),
    "catchup_max": Setting(100, "At most this many missed runs of one schedule are made up."),
    "kernel_start_seconds": Setting(60.0, "How long a kernel may take to start."),
    "kernel_standby": Setting(
        1, "Kernels a worker keeps standing by for each kernelspec in use; 0: all start normally."
    ),
    "kernel_standby_seconds": Setting(600.0, "After this rest kernels that stand by are released."),
    "kernel_preload": Setting(
        "", "Modules that forked kernels have imported before they start; commas between."
    ),
    "output_cell_bytes": Setting(20_000_000, "Output kept per cell."),
    "output_run_bytes": Setting(100_000_000, "Output kept per notebook run."),
    "output_count": Setting(10_000, "Outputs kept per notebook run."),
    "checkpoint_bytes": Setting(
        1_000_000_000, "Variables saved at once, so that a run can be resumed."
    ),
    "checkpoint_seconds": Setting(30.0, "How long saving them may take."),
    "artifact_bytes": Setting(10_000_000, "Bytes of one artifact; a longer table is cut to them."),
    "logging_level": Setting("INFO", "Lines below this level are not kept in a run's log."),
    "logging_extra_loggers": Setting(
        "", "Loggers of libraries whose lines are kept in a run's log, too; commas between."
    ),
    "log_run_bytes": Setting(
        50_000_000, "Log kept per run; what follows is only in a file of the run's folder."
    ),
    "spool_seconds": Setting(0.05, "The longest a record stays in memory before it is on disk."),
    "record_seconds": Setting(0.25, "How often records are sent from the spool to the store."),
    "persist_results": Setting(True, "Store what flows and tasks return, unless they say."),
    "run_days": Setting(
        90.0, "How long ended runs are kept, with all that belongs to them; 0: for ever."
    ),
    "result_days": Setting(30.0, "How long results are kept; 0: as long as their runs."),
    "skip_days": Setting(90.0, "How long it is kept which instants were not run; 0: for ever."),
    "request_days": Setting(7.0, "How long an Idempotency-Key is known; 0: for ever."),
    "token_days": Setting(30.0, "How long a token is listed that expired or was revoked."),
    "worker_days": Setting(7.0, "How long a worker is listed that has stopped; 0: for ever."),
    "automation_count": Setting(200, "How many automations there may be."),
    "automation_actions": Setting(10, "How many actions one automation may have of a kind."),
    "automation_firings": Setting(
        10, "Firings of one automation in a minute that are acted upon; 0: any number."
    ),
    "automation_depth": Setting(
        5, "How many automations may lead to each other before the last is paused."
    ),
    "firing_days": Setting(30.0, "How long it is kept what automations did; 0: for ever."),
    "event_days": Setting(7.0, "How long events are kept; 0: for ever."),
    "event_count": Setting(250_000, "How many events are kept at most, the newest; 0: any number."),
    "unread_event_count": Setting(
        1_000_000, "How many events are kept that automations have not read; 0: any number."
    ),
    "event_kind_days": Setting(
        "", "Days for events of some names instead, as `shop.*=30, nbflow.flow-run.*=14`."
    ),
    "events_per_second": Setting(
        0, "How many events a process may emit a second; those beyond are dropped; 0: any number."
    ),
    "result_max_bytes": Setting(1_000_000_000, "A larger result is not stored."),
    "result_memory_bytes": Setting(64_000_000, "Result files read lately that stay in memory."),
    "result_download_bytes": Setting(100_000_000, "The largest result the server hands out."),
    "refresh_cache": Setting(False, "Run cached tasks anyway, and replace what was stored."),
    "disable_caching": Setting(False, "Look for no stored results, whatever a task says."),
    "sqlite_synchronous": Setting(
        "NORMAL", "SQLite durability: NORMAL survives kill -9, FULL power loss."
    ),
    "flows_default_retries": Setting(0, "Extra tries of flows that do not say."),
    "flows_default_retry_delay_seconds": Setting(
        "0", "Seconds before each of them; several with commas, the last repeats."
    ),
    "tasks_default_retries": Setting(0, "Extra tries of tasks that do not say."),
    "tasks_default_retry_delay_seconds": Setting(
        "0", "Seconds before each of them; several with commas, the last repeats."
    ),
    "parameter_bytes": Setting(
        524_288, "Parameters recorded of one run, as JSON; larger ones are named by type. 0: all."
    ),
    "nesting_limit": Setting(20, "How deep flows may call flows."),
    "task_nesting_limit": Setting(50, "How deep tasks may call tasks."),
    "request_bytes": Setting(
        1_000_000, "The largest body of a request; routes that take notebooks or records take more."
    ),
    "request_keys": Setting(10_000, "The most keys in a request's JSON, at all depths together."),
    "request_seconds": Setting(30.0, "How long a request's body may take to arrive."),
    "rate_limit_per_second": Setting(
        0.0, "Requests of one user the server answers each second; 0: any number."
    ),
    "rate_limit_burst": Setting(200, "Requests of one user it answers at once before that counts."),
    "stream_message_bytes": Setting(262_144, "The largest message a browser may send."),
    "stream_messages_per_second": Setting(20, "Messages a browser may send each second."),
    "stream_watched": Setting(50, "Runs one browser page may watch at once."),
    "stream_check_seconds": Setting(
        60.0, "How often it is asked again whether an open page may still read."
    ),
    "keep_server_awake": Setting(
        True, "While runs are live or due soon, tell JupyterHub and Jupyter the server is in use."
    ),
    "busy_seconds": Setting(30.0, "How long a write waits for another program's lock."),
    "database_answer_seconds": Setting(
        30.0, "How long PostgreSQL may be silent besides before its connection is given up."
    ),
}

_overrides: dict[str, Any] = {}


def __getattr__(name: str) -> Any:
    setting = SETTINGS.get(name)
    if setting is None:
        raise AttributeError(f"nbflow has no setting {name!r}")
    if name in _overrides:
        return _overrides[name]
    text = os.environ.get(f"NBFLOW_{name.upper()}")
    return setting.default if text is None else _parse(name, text, setting.default)


def __dir__() -> list[str]:
    return sorted({*globals(), *SETTINGS})


def _parse(name: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False,
                    "no": False, "off": False}[text.strip().lower()]  # fmt: skip
        return type(default)(text)
    except (KeyError, ValueError):
        raise InvalidInput(
            f"NBFLOW_{name.upper()}={text!r} is not a {type(default).__name__}.",
            code="setting.invalid",
            field=f"NBFLOW_{name.upper()}",
            hint=f"The default is {default!r}.",
        ) from None


def override(**values: Any) -> None:
    """Set values for this process, above the environment (the server's traitlets use this)."""
    unknown = sorted(set(values) - set(SETTINGS))
    if unknown:
        raise InvalidInput(f"nbflow has no setting {unknown[0]!r}.", field=unknown[0])
    _overrides.update(values)


@contextmanager
def temporary(**values: Any) -> Generator[None, None, None]:
    """Override settings inside a `with` block, for tests and nested runs."""
    before = dict(_overrides)
    override(**values)
    try:
        yield
    finally:
        _overrides.clear()
        _overrides.update(before)


#: variables that open a whole Jupyter server: a process that runs user code never gets them
TOKENS = frozenset({"JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN", "NBFLOW_API_TOKEN"})


def job_seconds() -> float | None:
    """Give how long the run of this process may take, as its worker says; None: as it likes."""
    said = os.environ.get("NBFLOW_JOB_TIMEOUT_SECONDS")
    return None if said is None else float(said)


def environment() -> dict[str, str]:
    """Give the settings that differ from their defaults as variables for a child process.

    For nbflow's own processes: with a token to the API, if there is one.
    """
    here = globals()["__getattr__"]
    changed = {name: here(name) for name, s in SETTINGS.items() if here(name) != s.default}
    return {f"NBFLOW_{name.upper()}": str(value) for name, value in changed.items()}


def without_secrets() -> dict[str, Any]:
    """Give all settings but the secret ones, for a process that works for this one."""
    here = globals()["__getattr__"]
    return {name: here(name) for name, setting in SETTINGS.items() if not setting.secret}


def home() -> Path:
    """Give the home folder as an absolute path (it may not exist yet)."""
    return Path(__getattr__("home")).expanduser().absolute()


def ensure_home() -> Path:
    """Make the home folder, private to its owner, and give its path."""
    path = home()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def store_url() -> str:
    """Give the SQLAlchemy URL of the store: the setting, or SQLite in the home folder."""
    return __getattr__("database_url") or f"sqlite:///{home() / 'nbflow.sqlite'}"
