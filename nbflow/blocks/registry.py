"""Which class a block type has here: classes that were defined, nbflow's own, other packages'."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from nbflow.exceptions import NotFound
from nbflow.model.names import did_you_mean

GROUP = "nbflow.blocks"

#: nbflow's own, by slug: loaded when they are asked for
SHIPPED: dict[str, str] = {
    "apprise": "nbflow.notifications.chat:AppriseURL",
    "azure": "nbflow.filesystems.storages:Azure",
    "custom-webhook": "nbflow.notifications.webhook:CustomWebhookNotification",
    "discord-webhook": "nbflow.notifications.chat:DiscordWebhook",
    "email": "nbflow.notifications.mail:Email",
    "gcs": "nbflow.filesystems.storages:GCS",
    "kernel": "nbflow.infrastructure:Kernel",
    "local-file-system": "nbflow.filesystems.storages:LocalFileSystem",
    "mattermost-webhook": "nbflow.notifications.chat:MattermostWebhook",
    "microsoft-teams-webhook": "nbflow.notifications.chat:MicrosoftTeamsWebhook",
    "opsgenie-webhook": "nbflow.notifications.services:OpsgenieWebhook",
    "pager-duty-webhook": "nbflow.notifications.services:PagerDutyWebHook",
    "process": "nbflow.infrastructure:Process",
    "remote-file-system": "nbflow.filesystems.storages:RemoteFileSystem",
    "s3": "nbflow.filesystems.storages:S3",
    "sendgrid-email": "nbflow.notifications.services:SendgridEmail",
    "slack-webhook": "nbflow.notifications.chat:SlackWebhook",
    "twilio-sms": "nbflow.notifications.services:TwilioSMS",
    "webhook": "nbflow.notifications.webhook:Webhook",
    "date-time": "nbflow.blocks.values:DateTime",
    "git-repository": "nbflow.blocks.git:GitRepository",
    "json": "nbflow.blocks.values:JSON",
    "secret": "nbflow.blocks.values:Secret",
    "sqlalchemy-credentials": "nbflow.blocks.databases:SqlAlchemyCredentials",
    "string": "nbflow.blocks.values:String",
}

_defined: dict[str, type[Any]] = {}


def define(slug: str, made: type[Any]) -> None:
    """Note a class; of two with one slug the later counts (a cell that is run again)."""
    _defined[slug] = made


def class_of(slug: str) -> type[Any]:
    """Give the class of a block type. Raises NotFound."""
    if slug not in _defined and slug in SHIPPED:
        import_module(SHIPPED[slug].partition(":")[0])
    if slug not in _defined:
        _load_entry_points()
    if slug not in _defined:
        known = {*_defined, *SHIPPED}
        raise NotFound(
            f"There is no class here of the block type {slug!r}.",
            code="block.class",
            field="type_slug",
            hint=did_you_mean(slug, known, "Import or install what defines it; known are"),
        )
    return _defined[slug]


def shipped() -> list[type[Any]]:
    """Give the classes that come with nbflow."""
    return [class_of(slug) for slug in SHIPPED]


def _load_entry_points() -> None:
    for found in entry_points(group=GROUP):
        found.load()
