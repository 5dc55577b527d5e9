"""Dask: whose cluster it is, and what is said when it is gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nbflow import flow, quote, task
from nbflow.exceptions import CrashedRun, InvalidInput, MissingContextError
from nbflow.task_runners import DaskTaskRunner, get_dask_client

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
pytestmark = [pytest.mark.usefixtures("home"), pytest.mark.timeout(300)]


@task
def where():
    return os.getpid()


def test_a_flow_run_has_a_cluster_of_its_own_which_ends_with_it(tmp_path):
    clusters = []

    class Cluster(distributed.LocalCluster):
        def __init__(self, **given):
            super().__init__(**given)
            clusters.append(self)

    small = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}

    @flow(task_runner=DaskTaskRunner(cluster_class=Cluster, cluster_kwargs=small))
    def around():
        with get_dask_client() as client:
            assert client.cluster is clusters[0]
        return quote({where.submit().result(), os.getpid()})

    assert len(around()) == 2
    assert [cluster.status.name for cluster in clusters] == ["closed"]


def test_a_script_needs_no_guard_and_no_cluster(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from nbflow import flow, task\n"
        "square = task(lambda x: x * x, name='square')\n"
        "@flow(task_runner='dask')\n"
        "def around():\n"
        "    return sum(square.map([1, 2, 3]).result())\n"
        "print(around())\n"
    )
    out = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=100
    )
    assert out.stdout.strip() == "14", out.stderr


def test_a_cluster_that_is_not_there_crashes_the_task_and_says_where():
    runner = DaskTaskRunner("tcp://127.0.0.1:9", client_kwargs={"timeout": 1})

    @flow(task_runner=runner)
    def around():
        with pytest.raises(CrashedRun, match=r"at tcp://127\.0\.0\.1:9 cannot be reached"):
            where.submit().result()

    around()


def test_a_task_reaches_its_cluster(local_cluster):
    @task
    def inside():
        with get_dask_client() as client:
            return client.submit(lambda: 41, pure=False).result() + 1

    @flow(task_runner=DaskTaskRunner(cluster=local_cluster))
    def around():
        return inside.submit().result()

    assert around() == 42


def test_elsewhere_there_is_no_client():
    with pytest.raises(MissingContextError, match="no Dask cluster here"), get_dask_client():
        pass


def test_a_cluster_that_is_there_is_not_made_as_well():
    with pytest.raises(InvalidInput, match="takes no cluster_class"):
        DaskTaskRunner("tcp://127.0.0.1:1", cluster_kwargs={"n_workers": 1})


def test_a_report_is_written(local_cluster, tmp_path):
    path = tmp_path / "report.html"

    @flow(task_runner=DaskTaskRunner(cluster=local_cluster, performance_report_path=str(path)))
    def around():
        where.submit().result()

    around()
    assert path.exists()
