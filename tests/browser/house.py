"""A store with something of everything in it, made through the same doors people use.

What a screen needs to be full is here; how it is opened is in `screens.py`. Notebooks and flows are
really run; two weeks of earlier runs are recorded with the clock turned back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.browser.pages import run_of

#: goes on where it failed: the file `rows.csv` is missing at first
REPORT = [
    ("parameters", "region = 'north'\nrows: int = 24"),
    (
        "load",
        """
        import pandas
        days = pandas.date_range("2026-01-01", periods=rows)
        sales = [n * 7 % 31 for n in range(rows)]
        frame = pandas.DataFrame({"day": days, "region": region, "sales": sales})
        print(f"{len(frame)} days of {region}")
        """,
    ),
    (
        "plot",
        """
        import matplotlib.pyplot as plt
        from nbflow.artifacts import (
            create_artifact, create_link_artifact, create_markdown_artifact,
            create_progress_artifact, create_table_artifact,
        )
        figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
        axes.plot(frame.day, frame.sales)
        create_artifact(figure, key="sales", description="Sales a day")
        create_table_artifact(frame.astype(str), key="rows", description="Of the plot")
        for edition in ("first", "second"):
            said = f"# Summary\\n\\nThe *{edition}* edition: **{rows}** days."
            create_markdown_artifact(said, key="summary")
        create_link_artifact("https://example.org/report", "The report", key="report")
        create_progress_artifact(66, key="progress", description="How far it is")
        plt.show()
        """,
    ),
    ("publish", 'other = pandas.read_csv("rows.csv")\nprint("published", len(other))'),
]  # fmt: skip

FLOWS = """
    import sys
    from datetime import UTC, datetime, timedelta
    from functools import partial
    from nbflow import flow, get_run_logger, task
    from nbflow.connect import connect
    from nbflow.model import clock, states
    from nbflow.model.runs import NewFlowRun
    from nbflow.store import owners

    @task
    def load(n):
        get_run_logger().info("Loading %s rows", n)
        return list(range(n))

    @task(tags=["db"])
    def square(x):
        return x * x

    @flow
    def inner(n):
        return sum(square.map(load(n)).result())

    @flow
    def etl(n: int = 3, source: str = "warehouse"):
        load(inner(n))
        get_run_logger().warning("The last row looks odd")
        raise ValueError("the last row is missing")

    def past(flow_name, deployment_id, hours, seconds, end):
        at = datetime.now(UTC) - timedelta(hours=hours)
        with clock.frozen(at):
            run = connect().create_flow_run(
                # Whose owner lives is not reaped between these two lines, however old it is.
                NewFlowRun(flow_name, kind="notebook", deployment_id=deployment_id, due_at=at,
                           owner=owners.current())
            )
            connect().propose(run.id, states.Running())
        with clock.frozen(at + timedelta(seconds=seconds)):
            connect().propose(run.id, end())

    if __name__ == "__main__":
        for n in range(90):
            end = states.Completed
            if n % 11 == 4:
                end = partial(states.Failed, message="FileNotFoundError: rows.csv")
            elif n % 17 == 8:
                end = partial(states.Crashed, message="The kernel died")
            past("01_first_notebook", sys.argv[1], 2 + 3.7 * n, 40 + (n * 13) % 50, end)
        etl(return_state=True)
"""

#: lives as long as its standard input is open; a second one waits for what the first one holds
HOLDING = """
    import sys
    from nbflow import flow
    from nbflow.concurrency import concurrency

    @flow
    def nightly_load():
        with concurrency("warehouse", occupy=2):
            sys.stdin.read()

    if __name__ == "__main__":
        nightly_load(return_state=True)
"""

#: a run that waits for an answer; its process has ended
ASKING = """
    from typing import Literal
    from pydantic import Field
    from nbflow import flow, suspend_flow_run
    from nbflow.input import RunInput

    class Approval(RunInput):
        decision: Literal["publish", "hold back"] = "publish"
        rows: int = Field(24, ge=1, description="How many of them")
        note: str | None = None

    @flow
    def publish():
        suspend_flow_run(wait_for_input=Approval.with_initial_data("Publish the report?"))

    if __name__ == "__main__":
        publish(return_state=True)
"""

#: tasks in an open notebook, and a widget that shows a run
CELLS = [
    ("load", "%load_ext nbflow\nfrom nbflow import widgets"),
    ("days", "%%task 'the days'\ndays = list(range(7))"),
    ("sold", "%%task 'what was sold'\nsold = sum(days)"),
    ("show", "widgets.run('{flow_run}')"),
]
LAST = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class House:
    """A furnished JupyterLab: the ids of what is in it."""

    api: httpx.Client
    completed: str
    failed: str
    flow_run: str
    late: str
    asking: str
    deployment: str
    holding: tuple[subprocess.Popen[bytes], ...]
    automation: str
    block: str
    keyed: str
    pool: str = "cluster"
    artifact: str = "summary"
    limit: str = "warehouse"
    cells: str = "cells.ipynb"

    def leave(self) -> None:
        """Let the runs that hold something end."""
        for process in self.holding:
            process.communicate()


def notebook(cells: list[tuple[str, str]]) -> str:
    """Give the text of a notebook of these cells, each with its id; the first may be parameters."""
    made = [
        {
            "cell_type": "code", "id": cell_id, "source": textwrap.dedent(source).strip(),
            "metadata": {"tags": ["parameters"]} if cell_id == "parameters" else {},
            "outputs": [], "execution_count": None,
        }
        for cell_id, source in cells
    ]  # fmt: skip
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": made}
    return json.dumps(whole)


def script_started(lab: Any, source: str, *args: str, **how: Any) -> subprocess.Popen[bytes]:
    """Start a script against the Lab's store, in a process of its own; `how`: as Popen takes it."""
    script = lab.folder / "flows.py"
    script.write_text(textwrap.dedent(source))
    environment = {**os.environ, "NBFLOW_HOME": str(lab.home)}
    command = [sys.executable, str(script), *args]
    return subprocess.Popen(command, env=environment, cwd=lab.folder, **how)


def run_script(lab: Any, source: str, *args: str) -> None:
    """Run a script against the Lab's store, in a process of its own."""
    done = script_started(lab, source, *args, stderr=subprocess.PIPE)
    _, said = done.communicate()
    assert done.returncode == 0, said.decode()[-4000:]


def furnish(lab: Any, wait_for: Callable[..., Any]) -> House:
    """Fill a Lab that has nothing yet."""
    (lab.work / "report.ipynb").write_text(notebook(REPORT))
    _automations(lab)
    started = [
        _post(lab, "flow-runs/run-notebook", path=path)["id"]
        for path in ("01_first_notebook.ipynb", "report.ipynb")
    ]
    daily = _deployed(lab)
    run_script(lab, FLOWS, daily)
    late = _post(lab, f"deployments/{_waiting(lab)}/run")["id"]
    _the_rest(lab)
    run_script(lab, ASKING)
    holding = _holding(lab, wait_for)
    for run_id in started:
        wait_for(lambda: _read(lab, run_id)["state"]["type"] in LAST, seconds=90, what="an end")  # noqa: B023
    flow_run, asking = run_of(lab, "etl"), run_of(lab, "publish")
    assert flow_run
    assert asking
    cells = [(name, source.format(flow_run=flow_run)) for name, source in CELLS]
    (lab.work / House.cells).write_text(notebook(cells))
    rows = lab.api.get("automations").json()["rows"]
    mind = next(row["id"] for row in rows if row["name"] == "mind the reports")
    return House(
        lab.api, started[0], started[1], flow_run, late, asking, daily, holding, mind, *_blocks(lab)
    )


def _deployed(lab: Any) -> str:
    """Deploy two notebooks, the first in two versions; give its id."""
    timing = {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris"}
    for description in ("Temperatures.", "Temperatures of the year, every working day."):
        made = _post(
            lab, "deployments", path="01_first_notebook.ipynb", name="daily weather",
            schedules=[{"timing": timing}], tags=["weather", "daily"], description=description,
        )  # fmt: skip
    _post(
        lab, "deployments", path="report.ipynb", name="hourly report", tags=["sales"],
        schedules=[{"timing": {"interval": 3600}, "active": False}],
    )  # fmt: skip
    return made["id"]


def _waiting(lab: Any) -> str:
    """Deploy to a pool nobody serves."""
    _post(lab, "work-pools", name="cluster", description="The big machines.", concurrency_limit=4)
    _post(lab, "work-pools/cluster/queues", name="urgent", priority=1, concurrency_limit=2)
    said = {"path": "report.ipynb", "name": "monthly close", "work_pool": "cluster"}
    return _post(lab, "deployments", **said)["id"]


def _the_rest(lab: Any) -> None:
    """Set variables, limits, and a pool that is paused."""
    _post(lab, "variables", name="region", value="north", tags=["sales"])
    _post(lab, "variables", name="thresholds", value={"low": 3, "high": [20, 25]})
    _post(lab, "concurrency-limits", name="warehouse", limit=3)
    _post(lab, "concurrency-limits", name="tag:db", limit=1)
    _post(lab, "work-pools", name="night", description="Only after hours.", paused=True)


def _blocks(lab: Any) -> tuple[str, str]:
    """Save blocks; give one's id, and a deployment's that takes a secret."""
    password = {"value": "a canary"}
    for name in ("warehouse", "api-key", "mail"):
        _post(lab, "blocks", type_slug="secret", name=name, data=password)
    _post(lab, "blocks", type_slug="local-file-system", name="reports", data={"basepath": "/tmp"})
    mail = {"username": "ada", "password": "a canary", "host": "mail.example.org",
            "sender": "nbflow@example.org", "to": ["ada@example.org", "b@example.org"]}  # fmt: skip
    block = _post(lab, "blocks", type_slug="email", name="team", data=mail)["id"]
    keyed = [("parameters", "from pydantic import SecretStr\npassword: SecretStr = None")]
    (lab.work / "keyed.ipynb").write_text(notebook(keyed))
    return block, _post(lab, "deployments", path="keyed.ipynb", name="with a key")["id"]


def _automations(lab: Any) -> None:
    """Make rules, one of which fires when the report fails, another that waits for ever."""
    failed = {"type": "event", "expect": ["nbflow.flow-run.Failed", "nbflow.flow-run.Crashed"]}
    told = {"type": "emit-event", "event": "report.failed"}
    unknown = {"type": "send-notification", "block": "email/nobody", "body": "It failed."}
    _post(lab, "automations", name="mind the reports", trigger=failed, actions=[told, unknown],
          description="Nobody reads the log of a report.", tags=["reports"])  # fmt: skip
    late = {"type": "cell-value", "name": "rows", "operator": "<", "value": 3}
    _post(lab, "automations", name="few rows", trigger=late, actions=[{"type": "do-nothing"}],
          enabled=False)  # fmt: skip


def _holding(lab: Any, wait_for: Callable[..., Any]) -> tuple[subprocess.Popen[bytes], ...]:
    """Have one run hold slots of a limit, and another wait for them."""

    def in_line(count: int) -> bool:
        limits = lab.api.get("concurrency-limits").json()["rows"]
        return any(len(limit["slots"]) == count for limit in limits)

    started = []
    for count in (1, 2):
        started.append(script_started(lab, HOLDING, stdin=subprocess.PIPE))
        wait_for(lambda: in_line(count), what="a slot")  # noqa: B023
    return tuple(started)


def _post(lab: Any, path: str, /, **said: Any) -> dict[str, Any]:
    answer = lab.api.post(path, json=said, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()


def _read(lab: Any, run_id: str) -> dict[str, Any]:
    return lab.api.get(f"flow-runs/{run_id}").json()
