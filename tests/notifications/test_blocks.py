"""What notification blocks send arrives at real servers; what they may not reach, they do not."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nbflow import notifications, outgoing, settings
from nbflow.blocks import Block, SecretDict, SecretStr
from nbflow.exceptions import Forbidden, InvalidInput
from nbflow.notifications import (
    AppriseURL,
    CustomWebhookNotification,
    Email,
    MattermostWebhook,
    NotificationError,
    Webhook,
)
from nbflow.outgoing import Undelivered
from tests import sinks
from tests.test_outgoing import certificate


@pytest.fixture
def web() -> Iterator[sinks.WebSink]:
    with sinks.web() as sink:
        listed = f"127.0.0.1:{sink.port}, localhost:{sink.port}"
        with settings.temporary(outgoing_http=True, outgoing_hosts=listed, outgoing_seconds=5.0):
            yield sink


# -- webhooks ---------------------------------------------------------------------------------


def test_a_webhook_sends_json_its_headers_and_its_key(web: sinks.WebSink) -> None:
    hook = Webhook(url=SecretStr(f"{web.url}/hook"), headers=SecretDict({"X-Token": "tok-1234"}))
    assert hook.call({"rows": [1, None]}, idempotency_key="abc") == 200
    assert asyncio.run(hook.acall("plain")) == 200
    first, second = web.got
    assert (first.method, first.path, first.json) == ("POST", "/hook", {"rows": [1, None]})
    assert first.headers["content-type"] == "application/json"
    assert first.headers["idempotency-key"] == "abc"
    assert first.headers["x-token"] == "tok-1234"
    assert (second.body, second.headers["content-type"]) == (b"plain", "text/plain; charset=utf-8")


def test_a_saved_webhook_hides_what_it_calls(home: Path, web: sinks.WebSink) -> None:
    hook = Webhook(
        url=SecretStr(f"{web.url}/secret-path"), headers=SecretDict({"X-Token": "tok-1234"})
    )
    hook.save("mine")
    from nbflow import connect

    shown = str(connect.connect().read_block("webhook/mine"))
    assert "secret-path" not in shown
    assert "tok-1234" not in shown
    assert "secret-path" not in repr(Webhook.load("mine"))
    assert Webhook.load("mine").call({"a": 1}) == 200


@pytest.mark.parametrize("url", ["gopher://x.example.org/", "nonsense", "https://a b/", ""])
def test_a_webhook_without_an_address_is_not_made(url: str) -> None:
    with pytest.raises(ValidationError):
        Webhook(url=SecretStr(url))


def test_a_webhook_to_a_private_address_is_refused_when_it_is_called() -> None:
    for url in ("https://127.0.0.1/x", "https://169.254.169.254/latest", "http://localhost/"):
        with pytest.raises(Forbidden):
            Webhook(url=SecretStr(url)).call({})


def test_what_is_no_json_is_refused_before_anything_is_sent(web: sinks.WebSink) -> None:
    with pytest.raises(InvalidInput, match="not JSON"):
        Webhook(url=SecretStr(web.url)).call({"a": object()})
    assert not web.got


def test_a_custom_webhook_is_filled_in_everywhere(web: sinks.WebSink) -> None:
    block = CustomWebhookNotification(
        name="bot",
        url=SecretStr(web.url + "/{{ room | urlencode }}"),
        params={"key": "{{ key }}"},
        headers={"X-Subject": "{{ subject | upper }}"},
        json_data={"text": "{{ name }}: {{ body | truncate: 5 }}", "n": 1},
        secrets=SecretDict({"key": "k/1", "room": "a b"}),
    )
    block.notify("hello there", subject="news")
    got = web.got[0]
    assert got.path == "/a%20b?key=k%2F1"
    assert got.headers["x-subject"] == "NEWS"
    assert got.json == {"text": "bot: hell…", "n": 1}


def test_a_custom_webhook_sends_a_form_and_a_subject_cannot_be_a_header(web: sinks.WebSink) -> None:
    block = CustomWebhookNotification(
        name="bot", url=SecretStr(web.url), form_data={"t": "{{ body }}"},
        headers={"X-Subject": "{{ subject }}"},
    )  # fmt: skip
    block.notify("a&b", subject="ok")
    assert web.got[0].body == b"t=a%26b"
    with pytest.raises(NotificationError) as caught, block.raise_on_failure():
        block.notify("x", subject="a\r\nX-Other: b")
    assert caught.value.code == "header.invalid"
    assert len(web.got) == 1


# -- failing ----------------------------------------------------------------------------------


def test_what_is_not_taken_is_logged_or_raised_as_one_likes(
    web: sinks.WebSink, caplog: pytest.LogCaptureFixture
) -> None:
    block = CustomWebhookNotification(name="b", url=SecretStr(f"{web.url}/status/500"))
    with caplog.at_level(logging.WARNING, "nbflow.notifications"):
        block.notify("x")
    assert "500" in caplog.text
    with pytest.raises(NotificationError, match="500"), block.raise_on_failure():
        block.notify("x")
    block.notify("x")
    redirecting = CustomWebhookNotification(name="b", url=SecretStr(f"{web.url}/redirect"))
    with pytest.raises(NotificationError, match="redirect"), redirecting.raise_on_failure():
        redirecting.notify("x")
    assert [got.path for got in web.got] == ["/status/500"] * 3 + ["/redirect"]


# -- apprise ----------------------------------------------------------------------------------


def test_apprise_reaches_what_is_listed_and_does_not_follow(web: sinks.WebSink) -> None:
    pytest.importorskip("apprise")
    AppriseURL(url=SecretStr(f"json://127.0.0.1:{web.port}/x")).notify("body", subject="title")
    assert (web.got[0].json["message"], web.got[0].json["title"]) == ("body", "title")
    away = AppriseURL(url=SecretStr(f"json://127.0.0.1:{web.port}/redirect"))
    with pytest.raises(NotificationError, match="302"), away.raise_on_failure():
        away.notify("body")
    assert [got.path for got in web.got] == ["/x", "/redirect"]


def test_mattermost_gets_its_message(web: sinks.WebSink) -> None:
    pytest.importorskip("apprise")
    block = MattermostWebhook(
        hostname="127.0.0.1", port=web.port, token=SecretStr("3ccdd113474722377935511fc8"),
        secure=False, channels=["dev"], botname="nb",
    )  # fmt: skip
    with block.raise_on_failure():
        block.notify("the load is done", subject="etl")
    assert web.got[0].path == "/hooks/3ccdd113474722377935511fc8"
    assert "the load is done" in web.got[0].json["text"]
    assert web.got[0].json["username"] == "nb"


def test_apprise_is_held_to_the_same_rules(web: sinks.WebSink) -> None:
    pytest.importorskip("apprise")
    cases = [
        (f"json://127.0.0.2:{web.port}/", "url.forbidden"),
        ("jsons://169.254.169.254/", "url.forbidden"),
        ("jsons://localhost:22/", "url.forbidden"),
        ("syslog://", "notification.service"),
        ("mailto://me:secret-word@example.org", "notification.service"),
        ("nonsense://", "notification.fields"),
    ]
    for url, code in cases:
        block = AppriseURL(url=SecretStr(url))
        with pytest.raises(NotificationError) as caught, block.raise_on_failure():
            block.notify("x")
        assert (url, caught.value.code) == (url, code)
        assert "secret-word" not in str(caught.value)
    block = AppriseURL(url=SecretStr(f"json://127.0.0.1:{web.port}/"))
    with settings.temporary(outgoing_http=False), pytest.raises(Forbidden) as caught:
        block.deliver("x", None)
    assert caught.value.code == "url.forbidden"
    assert not web.got


def test_apprise_is_cut_where_the_other_side_never_ends(web: sinks.WebSink) -> None:
    pytest.importorskip("apprise")
    block = AppriseURL(url=SecretStr(f"json://127.0.0.1:{web.port}/drip"))
    with (
        settings.temporary(outgoing_seconds=0.5),
        pytest.raises(NotificationError, match=r"in 0\.5 s"),
        block.raise_on_failure(),
    ):
        block.notify("x")
    assert threading.active_count() < 20


HEX = "0123456789abcdef0123456789abcdef"
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = (
    f"https://prod-00.westus.logic.azure.com:443/workflows/{HEX}/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcdefghijklmnopqrstuvwxyz"
)
EVERY: list[tuple[str, dict[str, Any], str]] = [
    ("SlackWebhook", {"url": SLACK}, "hooks.slack.com"),
    ("MicrosoftTeamsWebhook", {"url": TEAMS}, "prod-00.westus.logic.azure.com"),
    ("DiscordWebhook", {"webhook_id": "4174216298", "webhook_token": "JHMHI8qBe7bk2ZwO5U711o3dV"},
     "discord.com"),
    ("MattermostWebhook", {"hostname": "mm.example.org", "token": "3ccdd113474722377935511fc8"},
     "mm.example.org"),
    ("PagerDutyWebHook", {"integration_key": HEX, "api_key": "api-key-1234"},
     "events.pagerduty.com"),
    ("TwilioSMS", {"account_sid": "AC" + HEX, "auth_token": HEX,
     "from_phone_number": "+18005550100", "to_phone_numbers": ["+18005550101"]}, "api.twilio.com"),
    ("OpsgenieWebhook", {"apikey": "8b3c2a10-5c3b-4c30-b6de-0f3a9a1b2c3d",
     "target_user": ["me@example.org"]}, "api.opsgenie.com"),
    ("SendgridEmail", {"api_key": "SG.abcdefgh.ijklmnop", "sender_email": "a@example.org",
     "to_emails": ["b@example.org"]}, "api.sendgrid.com"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "host"), EVERY, ids=[one[0] for one in EVERY])
def test_a_service_is_asked_at_its_own_host(
    name: str, fields: dict[str, Any], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is asked for, and leads to loopback here: which is refused, so nothing leaves."""
    pytest.importorskip("apprise")
    asked: list[str] = []

    def getaddrinfo(host: str, port: Any, *_a: Any, **_k: Any) -> Any:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    block = getattr(notifications, name)(**fields)
    with pytest.raises(NotificationError) as caught, block.raise_on_failure():
        block.notify("body", subject="subject")
    assert caught.value.code == "url.forbidden"
    assert asked[0] == host


# -- mail -------------------------------------------------------------------------------------


def test_mail_arrives_over_tls_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiosmtpd")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path, "localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with (
        sinks.mail(tls=context) as sink,
        settings.temporary(outgoing_hosts=f"localhost:{sink.port}"),
    ):
        block = Email(
            host="localhost", port=sink.port, username="me", password=SecretStr("pass-word"),
            sender="nbflow@example.org", to=["a@example.org", "b@example.org"],
        )  # fmt: skip
        with block.raise_on_failure():
            block.notify("Grüße, 5 < 6\n.\nBcc: x", subject="etl\r\nBcc: evil@example.org ü")
    assert sink.logins == [("me", "pass-word")]
    assert sink.rcpt == [["a@example.org", "b@example.org"]]
    letter = sink.letters[0]
    assert letter["Subject"] == "etl Bcc: evil@example.org ü"
    assert letter["Bcc"] is None
    assert letter.get_content().splitlines() == ["Grüße, 5 < 6", ".", "Bcc: x"]


def test_mail_is_not_sent_to_private_hosts_nor_a_password_in_clear() -> None:
    pytest.importorskip("aiosmtpd")
    fields: dict[str, Any] = {"sender": "a@example.org", "to": ["b@example.org"]}
    with pytest.raises(Forbidden, match="private"):
        Email(host="127.0.0.1", **fields).deliver("x", None)
    with sinks.mail() as sink:
        listed = {"outgoing_hosts": f"127.0.0.1:{sink.port}"}
        plain = Email(host="127.0.0.1", port=sink.port, tls="none", **fields)
        open_ = plain.model_copy(update={"username": "me", "password": SecretStr("pass-word")})
        starting = plain.model_copy(update={"tls": "starttls"})
        with settings.temporary(**listed):
            plain.deliver("x", None)
            with pytest.raises(Forbidden, match="clear"):
                open_.deliver("x", None)
            with pytest.raises(Undelivered, match="SMTP"):
                starting.deliver("x", None)
    assert len(sink.letters) == 1


@pytest.mark.parametrize(
    "to", [[], ["nobody"], ["a@b\r\nBcc: c@d"], ["a@example.org, b@example.org"], [""]]
)
def test_who_gets_mail_must_be_addresses(to: list[str]) -> None:
    with pytest.raises(ValidationError):
        Email(host="mail.example.org", sender="a@example.org", to=to)


def test_a_block_of_every_kind_is_a_block_that_tells() -> None:
    for name in notifications.__all__:
        made = getattr(notifications, name)
        if isinstance(made, type) and issubclass(made, Block) and not made.is_abstract():
            word = "call" if name == "Webhook" else "notify"
            assert word in made.get_block_capabilities()
            assert made.block_schema().fields["properties"]


def test_one_thread_is_guarded_and_another_is_not(web: sinks.WebSink) -> None:
    requests = pytest.importorskip("requests")
    with sinks.web("127.0.0.2") as inside, outgoing.guarded():
        codes: list[int] = []
        other = threading.Thread(
            target=lambda: codes.append(
                requests.get(f"http://127.0.0.2:{inside.port}/", timeout=5).status_code
            )
        )
        other.start()
        other.join()
    assert codes == [200]
