"""What of an environment a run's kernel gets: as in Lab, less the secrets of nbflow and Jupyter."""

from __future__ import annotations

import pytest

from nbflow import settings
from nbflow.model import kernel_variables

SECRET = (
    "JUPYTER_TOKEN", "JUPYTER_PASSWORD", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_COOKIE_SECRET", "CONFIGPROXY_AUTH_TOKEN", "NBFLOW_API_TOKEN",
    "NBFLOW_KERNEL_API_TOKEN", "NBFLOW_SECRET_KEYS", "NBFLOW_KEY", "PGPASSWORD", "PG_ANY_PASSWORD",
)  # fmt: skip
PLAIN = (
    "PATH", "PGHOST", "AWS_PROFILE", "AWS_SESSION_TOKEN", "MY_TOKEN", "HTTPS_PROXY",
    "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "JPY_SESSION_NAME", "NBFLOW_HOME",
)  # fmt: skip


def test_a_kernel_sees_what_it_would_in_lab_without_the_servers_secrets() -> None:
    env: dict[str, str] = dict.fromkeys((*SECRET, *PLAIN), "x")
    assert tuple(kernel_variables.given(env)) == PLAIN


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("postgresql://me:a/b#c@host:5/db?sslmode=require",
         "postgresql://me@host:5/db?sslmode=require"),
        ("postgresql+psycopg://me:x@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql://host/db?password=x&user=me", "postgresql://host/db?user=me"),
        ("postgresql://host/db?user=me&password=x", "postgresql://host/db?user=me"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////home/a:b@c/nbflow.sqlite", "sqlite:////home/a:b@c/nbflow.sqlite"),
    ],
)  # fmt: skip
def test_the_address_of_the_store_loses_its_password(url: str, given: str) -> None:
    assert kernel_variables.given({"NBFLOW_DATABASE_URL": url}) == {"NBFLOW_DATABASE_URL": given}


def test_an_operators_list_lets_pass_what_it_names_and_what_every_program_needs() -> None:
    env: dict[str, str] = dict.fromkeys((*SECRET, *PLAIN, "LC_ALL", "FROM_JOB"), "x")
    env[kernel_variables.JOB] = "FROM_JOB"
    with settings.temporary(kernel_env="AWS_*, NBFLOW_API_TOKEN"):
        kept = set(kernel_variables.given(env))
    assert kept == {
        "PATH", "LC_ALL", "JPY_SESSION_NAME", "NBFLOW_HOME", "AWS_PROFILE", "AWS_SESSION_TOKEN",
        "FROM_JOB", kernel_variables.JOB,
    }  # fmt: skip
