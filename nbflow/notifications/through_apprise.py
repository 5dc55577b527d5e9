"""Sending through apprise, held to the rules of `nbflow.outgoing`.

A service of apprise is used where it talks HTTP by `requests`, and so over sockets that can be
looked at; the others (desktop pop-ups, message queues, its own mail) are refused with the reason.
"""

from __future__ import annotations

import re
import sys
from abc import abstractmethod
from typing import Any, Literal

from pydantic import Field

from nbflow import outgoing, settings
from nbflow.exceptions import Forbidden, InvalidInput
from nbflow.notifications.core import NotificationBlock
from nbflow.outgoing import Undelivered

Kind = Literal["info", "success", "warning", "failure"]
_STATUS = re.compile(r"error[=: ]+(\d{3})\b")


class AppriseBlock(NotificationBlock):
    """A notification of a service that apprise knows."""

    notify_type: Kind = Field(default="info", description="How it is marked.")

    @abstractmethod
    def target(self) -> str | dict[str, Any]:
        """Give apprise's address of the service, or its parts."""

    def deliver(self, body: str, subject: str | None) -> None:
        """Send it. Raises InvalidInput, Forbidden, Undelivered."""
        apprise = _apprise()
        asset = apprise.AppriseAsset(
            app_id="nbflow", app_desc="nbflow", app_url="", async_mode=False, storage_mode="memory"
        )
        service = _service(apprise, self.target(), asset)
        with outgoing.guarded() as cut, apprise.LogCapture(level=apprise.logging.WARNING) as log:
            # By the service itself: apprise's own `notify` may hand it to another thread.
            taken = service.notify(
                body=body,
                title=subject or "",
                notify_type=apprise.NotifyType(self.notify_type),
                body_format=apprise.NotifyFormat.TEXT,
            )
            said = log.getvalue()
        if not taken or cut.over:
            status = _STATUS.search(said)
            why = f"no answer in {cut.seconds:g} s" if cut.over else "not taken"
            raise Undelivered(f"{self.get_block_type_name()}: {why}"
                              f"{f' ({status[1]})' if status else ''}.")  # fmt: skip


def _apprise() -> Any:
    try:
        import apprise
    except ImportError:
        raise InvalidInput(
            "This notification needs the package apprise.",
            code="package.missing",
            hint="pip install nbflow[notifications]",
        ) from None
    return apprise


def _service(apprise: Any, target: str | dict[str, Any], asset: Any) -> Any:
    with apprise.LogCapture(level=apprise.logging.CRITICAL):
        service = apprise.Apprise.instantiate(target, asset=asset, suppress_exceptions=True)
    if service is None:
        raise InvalidInput(
            "apprise cannot read these fields: one is missing, or has another form.",
            code="notification.fields",
        )
    kind = str(service.service_name)
    if not hasattr(sys.modules[type(service).__module__], "requests"):
        raise Forbidden(
            f"{kind} cannot be held to the rules for what leaves this machine.",
            code="notification.service",
            hint="Use a service over HTTPS; for mail the block Email.",
        )
    if not service.secure and _plain(service) and not settings.outgoing_http:
        raise Forbidden(
            f"{kind} would go over http: whoever is on the way could read it.",
            code="url.forbidden",
            hint="Use the secure form of its address, or set outgoing_http.",
        )
    service.redirects = False
    return service


def _plain(service: Any) -> bool:
    """Say whether a service has a way without TLS: others have no `secure` to speak of."""
    return bool(service.protocol)
