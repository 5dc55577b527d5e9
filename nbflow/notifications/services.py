"""Services that page, text and mail, through apprise."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nbflow.blocks import SecretStr
from nbflow.notifications.through_apprise import AppriseBlock


class PagerDutyWebHook(AppriseBlock):
    """Opens incidents in PagerDuty."""

    _block_type_name = "Pager Duty Webhook"

    integration_key: SecretStr = Field(description="Of the Events API's integration.")
    api_key: SecretStr = Field(description="With which PagerDuty is asked.")
    source: str = Field(default="nbflow", description="What it is about.")
    component: str = Field(default="Notification", description="Which part of that.")
    group: str | None = None
    class_id: str | None = None
    region_name: Literal["us", "eu"] = "us"

    def target(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "schema": "pagerduty",
            "apikey": self.api_key.get_secret_value(),
            "integrationkey": self.integration_key.get_secret_value(),
            "source": self.source,
            "component": self.component,
            "group": self.group,
            "class_id": self.class_id,
            "region_name": self.region_name,
        }


class TwilioSMS(AppriseBlock):
    """Sends text messages by Twilio."""

    _block_type_name = "Twilio SMS"

    account_sid: str = Field(description="Of the account, as in AC….")
    auth_token: SecretStr
    from_phone_number: str = Field(description="As in +18001234567.")
    to_phone_numbers: list[str] = Field(min_length=1, max_length=50)

    def target(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "schema": "twilio",
            "account_sid": self.account_sid,
            "auth_token": self.auth_token.get_secret_value(),
            "source": self.from_phone_number,
            "targets": self.to_phone_numbers,
        }


class OpsgenieWebhook(AppriseBlock):
    """Opens alerts in Opsgenie."""

    _block_type_name = "Opsgenie Webhook"

    apikey: SecretStr
    target_user: list[str] = Field(default_factory=list)
    target_team: list[str] = Field(default_factory=list)
    target_schedule: list[str] = Field(default_factory=list)
    target_escalation: list[str] = Field(default_factory=list)
    region_name: Literal["us", "eu"] = "us"
    priority: int = Field(default=3, ge=1, le=5)
    tags: list[str] = Field(default_factory=list)
    alias: str | None = None
    entity: str | None = None

    def target(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "schema": "opsgenie",
            "action": "new",  # apprise would close alerts by an `info`
            "apikey": self.apikey.get_secret_value(),
            "targets": [
                *(f"@{one}" for one in self.target_user),
                *(f"#{one}" for one in self.target_team),
                *(f"*{one}" for one in self.target_schedule),
                *(f"^{one}" for one in self.target_escalation),
            ],
            "region_name": self.region_name,
            "priority": self.priority,
            "tags": self.tags,
            "alias": self.alias,
            "entity": self.entity,
        }


class SendgridEmail(AppriseBlock):
    """Sends mail by SendGrid."""

    _block_type_name = "Sendgrid Email"

    api_key: SecretStr
    sender_email: str = Field(description="From whom, verified there.")
    to_emails: list[str] = Field(min_length=1, max_length=50)

    def target(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "schema": "sendgrid",
            "apikey": self.api_key.get_secret_value(),
            "from_email": self.sender_email,
            "targets": self.to_emails,
        }
