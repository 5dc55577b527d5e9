"""Webhooks: `Webhook`, which anything may call, and `CustomWebhookNotification`, which tells."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import Field, field_validator

from nbflow import outgoing
from nbflow.blocks import Block, SecretDict, SecretStr
from nbflow.exceptions import Forbidden, InvalidInput
from nbflow.model import templates
from nbflow.notifications.core import NotificationBlock

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def checked_url(url: SecretStr) -> SecretStr:
    """Check an address that has no template in it. Raises ValueError without showing it."""
    said = url.get_secret_value()
    if "{{" not in said:
        try:
            outgoing.check_url(said)
        except Forbidden:  # what is allowed is said where it is called
            pass
        except InvalidInput as wrong:
            raise ValueError(wrong.message) from None
    return url


def check_taken(status: int, host: str) -> None:
    """Check that an answer says taken. Raises Undelivered."""
    if not 200 <= status < 300:
        why = "a redirect, which is not followed" if 300 <= status < 400 else "not taken"
        raise outgoing.Undelivered(f"{host} answered {status}: {why}.")


class Webhook(Block):
    """Calls an address of another program with some data."""

    _block_type_name = "Webhook"
    _block_schema_capabilities = ["call"]
    _code_example = """
    from nbflow.notifications import Webhook
    Webhook.load("NAME").call({"rows": 5})
    """

    method: Method = "POST"
    url: SecretStr = Field(description="Its address; https, and not on a private network.")
    headers: SecretDict = Field(default=SecretDict({}), description="Sent with each call.")

    _check_url = field_validator("url")(checked_url)

    def call(self, payload: Any = None, *, idempotency_key: str | None = None) -> int:
        """Call it; give the status of the answer, whatever it is.

        Args:
            payload: JSON; a text is sent as it is.
            idempotency_key: sent as `Idempotency-Key`, so that the other side knows a repetition.

        Raises InvalidInput, Forbidden (`url.forbidden`), Undelivered.
        """
        headers = {str(k): str(v) for k, v in self.headers.get_secret_value().items()}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        body = _body(payload, headers)
        return outgoing.request(
            self.method, self.url.get_secret_value(), headers=headers, body=body
        )

    async def acall(self, payload: Any = None, *, idempotency_key: str | None = None) -> int:
        """Call it without stopping the event loop: see `call`."""
        return await asyncio.to_thread(self.call, payload, idempotency_key=idempotency_key)


class CustomWebhookNotification(NotificationBlock):
    """Tells people through any service that takes HTTP.

    `{{ subject }}`, `{{ body }}`, `{{ name }}` and the names in `secrets` are filled in wherever
    they stand in the address, the headers, the query and the data; filters, too, as in
    `{{ body | truncate: 200 }}`.
    """

    _block_type_name = "Custom Webhook"
    _code_example = """
    from nbflow.notifications import CustomWebhookNotification
    CustomWebhookNotification.load("NAME").notify("Hello")
    """

    name: str = Field(description="What calls itself.", min_length=1)
    url: SecretStr = Field(description="Its address; https, and not on a private network.")
    method: Method = "POST"
    params: dict[str, str] | None = Field(default=None, description="The query of the address.")
    json_data: dict[str, Any] | None = Field(default=None, description="Sent as JSON.")
    form_data: dict[str, str] | None = Field(default=None, description="Sent as a form.")
    headers: dict[str, str] | None = Field(default=None, description="Sent with it.")
    secrets: SecretDict = Field(
        default=SecretDict({}), title="Secrets", description="Values by the names they are used by."
    )

    _check_url = field_validator("url")(checked_url)

    def deliver(self, body: str, subject: str | None) -> None:
        """Send it. Raises NbflowError."""
        values = {**self.secrets.get_secret_value()}
        values |= {"body": body, "subject": subject or "", "name": self.name}
        parts = urlsplit(templates.render(self.url.get_secret_value(), values, field="url"))
        if self.params:
            said = urlencode(templates.render_value(self.params, values, field="params"))
            parts = parts._replace(query="&".join(filter(None, (parts.query, said))))
        headers = templates.render_value(self.headers or {}, values, field="headers")
        if self.form_data is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            filled = templates.render_value(self.form_data, values, field="form_data")
            data = urlencode(filled).encode()
        else:
            filled = templates.render_value(self.json_data, values, field="json_data")
            data = _body(filled, headers)
        status = outgoing.request(self.method, urlunsplit(parts), headers=headers, body=data)
        check_taken(status, parts.hostname or "")


def _body(payload: Any, headers: dict[str, str]) -> bytes:
    if payload is None:
        return b""
    given = {name.casefold() for name in headers}
    if isinstance(payload, str):
        if "content-type" not in given:
            headers["Content-Type"] = "text/plain; charset=utf-8"
        return payload.encode("utf-8", "backslashreplace")
    if "content-type" not in given:
        headers["Content-Type"] = "application/json"
    try:
        return json.dumps(payload, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(
            "This payload is not JSON.", code="payload.invalid", field="payload"
        ) from None
