"""Who may do what: nothing without an identity, and everything asked of the authorizer."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.utils import JupyterServerAuthWarning
from traitlets.config import Config

from nbflow_jupyter import routes

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
STRANGER = {"Authorization": "token wrong"}

#: what the authorizer was asked, newest last
asked: list[tuple[str, str]] = []


class Recording(Authorizer):
    """Notes every question and says no."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        asked.append((resource, action))
        return False


class ReadOnly(Authorizer):
    """Lets people look."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return action == "read"


def address(path: str) -> str:
    return path.replace("{", "").replace("}", "")


async def test_nothing_is_told_to_a_stranger(ask: Any) -> None:
    paths = [address(route.path) for route in routes.ROUTES] + ["", "nope", "flow-runs/a/b/c"]
    for path in paths:
        for verb in VERBS:
            body = {} if verb in ("POST", "PUT", "PATCH") else None
            reply = await ask(verb, path, body=body, headers=STRANGER)
            assert reply.status == 403, (verb, path)
            if verb != "HEAD":
                assert reply.json["code"] == "forbidden", (verb, path)
    print(f"{len(paths) * len(VERBS)} calls without an identity, 0 answered")


class TestTheAuthorizer:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "authorizer_class": Recording}
        return Config({"ServerApp": server})

    async def test_is_asked_about_what_the_table_says(self, ask: Any) -> None:
        for route in [*routes.ROUTES, *routes.ROUTES]:  # twice: no answer may stick
            for verb, operation in route.verbs.items():
                asked.clear()
                body = {} if verb in ("post", "patch") else None
                reply = await ask(verb.upper(), address(route.path), body=body)
                assert (reply.status, reply.json["code"]) == (403, "forbidden"), route.path
                assert asked == [tuple(operation.may.split())], (verb, route.path)


class TestAReader:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "authorizer_class": ReadOnly}
        return Config({"ServerApp": server})

    async def test_looks_but_does_not_run_deploy_or_cancel(
        self, ask: Any, running: Any, write_notebook: Any
    ) -> None:
        write_notebook("a.ipynb")
        for route in routes.ROUTES:
            for verb, operation in route.verbs.items():
                body = {} if verb in ("post", "patch") else None
                reply = await ask(verb.upper(), address(route.path), body=body)
                may = operation.may.endswith(" read")
                assert (reply.status != 403) == may, (verb, route.path, reply)
        assert (await ask("GET", "flow-runs")).status == 200
        assert running.orchestrator.list_flow_runs().rows == ()
        assert running.orchestrator.list_deployments().rows == ()


async def test_a_browsers_cookie_alone_changes_nothing(
    ask: Any, jp_auth_header: dict[str, str]
) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    page = await ask("GET", "health", headers={"Authorization": ""}, token=token)
    cookies = "; ".join(c.partition(";")[0] for c in page.headers.get_list("Set-Cookie"))
    browser = {"Authorization": "", "Cookie": cookies}
    assert (await ask("GET", "flow-runs", headers=browser)).status == 200
    for route in routes.ROUTES:
        for verb in set(route.verbs) - {"get"}:
            reply = await ask(verb.upper(), address(route.path), body={}, headers=browser)
            assert (reply.status, reply.json["code"]) == (403, "forbidden"), route.path
    secret = {**browser, "Cookie": f"{cookies}; _xsrf=abc", "X-XSRFToken": "abc"}
    made = await ask("POST", "flow-runs", body={"flow_name": "x"}, headers=secret)
    assert made.status == 201


FOREIGN = ("https://elsewhere.example", "null", "http://127.0.0.1.elsewhere.example")


async def test_another_sites_page_is_not_answered(ask: Any, jp_auth_header: Any) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    page = await ask("GET", "health", headers={"Authorization": ""}, token=token)
    cookies = "; ".join(c.partition(";")[0] for c in page.headers.get_list("Set-Cookie"))
    secret = {"Authorization": "", "Cookie": f"{cookies}; _xsrf=abc", "X-XSRFToken": "abc"}
    mutating = [(r, verb) for r in routes.ROUTES for verb in set(r.verbs) - {"get"}]
    for origin in FOREIGN:
        foreign = {**secret, "Origin": origin}
        assert (await ask("GET", "flow-runs", headers=foreign)).status in (403, 404)
        for route, verb in mutating:
            reply = await ask(verb.upper(), address(route.path), body={}, headers=foreign)
            assert reply.status in (403, 404), (origin, verb, route.path, reply)
            assert reply.json["code"] in ("forbidden", "not_found"), (origin, verb, route.path)
    print(f"{len(mutating) * len(FOREIGN)} calls from other sites, 0 answered")


class TestEveryHandler:
    """The check of the extension template: no handler without a word on authentication."""

    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "allow_unauthenticated_access": False}
        return Config({"ServerApp": server})

    def test_says_whether_it_needs_a_login(self, home: Any, jp_configurable_serverapp: Any) -> None:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", JupyterServerAuthWarning)
            app = jp_configurable_serverapp(reraise_server_extension_failures=True)
        assert "nbflow" in app.extension_manager.extensions
        assert not [one for one in warned if "nbflow" in str(one.message)]

    async def test_answers_all_the_same(self, ask: Any) -> None:
        assert (await ask("GET", "health")).status == 200
        stranger = await ask("GET", "health", headers=STRANGER)
        assert (stranger.status, stranger.json["code"]) == (403, "forbidden")
