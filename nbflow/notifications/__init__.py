"""Blocks that tell people: mail, chat, text messages, and webhooks.

    from nbflow.notifications import SlackWebhook
    SlackWebhook(url="https://hooks.slack.com/services/…").save("team")
    SlackWebhook.load("team").notify("The load is done.", subject="etl")

Mail and webhooks need nothing else; the other services go through apprise
(`pip install nbflow[notifications]`). All of them reach only what `nbflow.outgoing` lets them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.notifications.chat import AppriseURL as AppriseURL
    from nbflow.notifications.chat import DiscordWebhook as DiscordWebhook
    from nbflow.notifications.chat import MattermostWebhook as MattermostWebhook
    from nbflow.notifications.chat import MicrosoftTeamsWebhook as MicrosoftTeamsWebhook
    from nbflow.notifications.chat import SlackWebhook as SlackWebhook
    from nbflow.notifications.core import NotificationBlock as NotificationBlock
    from nbflow.notifications.core import NotificationError as NotificationError
    from nbflow.notifications.mail import Email as Email
    from nbflow.notifications.services import OpsgenieWebhook as OpsgenieWebhook
    from nbflow.notifications.services import PagerDutyWebHook as PagerDutyWebHook
    from nbflow.notifications.services import SendgridEmail as SendgridEmail
    from nbflow.notifications.services import TwilioSMS as TwilioSMS
    from nbflow.notifications.webhook import CustomWebhookNotification as CustomWebhookNotification
    from nbflow.notifications.webhook import Webhook as Webhook

_WHERE = {
    "AppriseURL": "chat",
    "CustomWebhookNotification": "webhook",
    "DiscordWebhook": "chat",
    "Email": "mail",
    "MattermostWebhook": "chat",
    "MicrosoftTeamsWebhook": "chat",
    "NotificationBlock": "core",
    "NotificationError": "core",
    "OpsgenieWebhook": "services",
    "PagerDutyWebHook": "services",
    "SendgridEmail": "services",
    "SlackWebhook": "chat",
    "TwilioSMS": "services",
    "Webhook": "webhook",
}

__all__ = [
    "AppriseURL",
    "CustomWebhookNotification",
    "DiscordWebhook",
    "Email",
    "MattermostWebhook",
    "MicrosoftTeamsWebhook",
    "NotificationBlock",
    "NotificationError",
    "OpsgenieWebhook",
    "PagerDutyWebHook",
    "SendgridEmail",
    "SlackWebhook",
    "TwilioSMS",
    "Webhook",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
