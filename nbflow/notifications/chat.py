"""Chats, and whatever else apprise has an address for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nbflow.blocks import SecretStr
from nbflow.notifications.through_apprise import AppriseBlock


class AppriseURL(AppriseBlock):
    """Tells people through any of the services that apprise knows, by apprise's address of it."""

    _block_type_name = "Apprise"
    _documentation_url = "https://github.com/caronc/apprise/wiki"

    url: SecretStr = Field(description="As in ntfys://topic or tgram://token/chat.")

    def target(self) -> str:
        """Give the address."""
        return self.url.get_secret_value()


class SlackWebhook(AppriseBlock):
    """Tells people in a Slack channel."""

    _block_type_name = "Slack Webhook"

    url: SecretStr = Field(description="Of an incoming webhook: https://hooks.slack.com/services/…")

    def target(self) -> str:
        """Give the address."""
        return self.url.get_secret_value()


class MicrosoftTeamsWebhook(AppriseBlock):
    """Tells people in a Microsoft Teams channel."""

    _block_type_name = "Microsoft Teams Webhook"

    url: SecretStr = Field(description="Of the channel's workflow: https://….logic.azure.com/…")

    def target(self) -> str:
        """Give the address."""
        return self.url.get_secret_value()


class DiscordWebhook(AppriseBlock):
    """Tells people in a Discord channel."""

    _block_type_name = "Discord Webhook"

    webhook_id: SecretStr = Field(description="The first part after /webhooks/ in its address.")
    webhook_token: SecretStr = Field(description="The second part.")

    def target(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "schema": "discord",
            "webhook_id": self.webhook_id.get_secret_value(),
            "webhook_token": self.webhook_token.get_secret_value(),
        }


class MattermostWebhook(AppriseBlock):
    """Tells people in Mattermost channels."""

    _block_type_name = "Mattermost Webhook"

    hostname: str = Field(description="Of your server, as in mattermost.example.org.")
    token: SecretStr = Field(description="The last part of the webhook's address.")
    botname: str | None = Field(default=None, description="Under which name it writes.")
    channels: list[str] | None = Field(default=None, description="Empty: the webhook's own.")
    path: str | None = Field(default=None, description="Where Mattermost lies on that server.")
    port: int | None = Field(default=None, ge=1, le=65535)
    secure: bool = Field(default=True, description="Over https.")

    def target(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "schema": "mmosts" if self.secure else "mmost",
            "secure": self.secure,
            "host": self.hostname,
            "port": self.port,
            "token": self.token.get_secret_value(),
            "user": self.botname,
            "fullpath": self.path,
            "targets": self.channels,
        }
