"""Mail over SMTP, with the standard library alone."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

from pydantic import Field, field_validator

from nbflow import outgoing, settings
from nbflow.blocks import SecretStr
from nbflow.exceptions import Forbidden, InvalidInput
from nbflow.notifications.core import NotificationBlock
from nbflow.outgoing import Cut, Undelivered

#: characters of a subject; a longer one is cut
LONGEST_SUBJECT = 250


class Email(NotificationBlock):
    """Sends mail through an SMTP server."""

    _block_type_name = "Email"
    _code_example = """
    from nbflow.notifications import Email
    Email.load("NAME").notify("The load is done.", subject="etl")
    """

    host: str = Field(description="The mail server.", min_length=1, max_length=253)
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls: usual on 587; tls: on 465; none: in clear."
    )
    username: str | None = Field(default=None, description="Who signs in; empty: nobody.")
    password: SecretStr | None = None
    sender: str = Field(description="From whom, as in nbflow@example.org.")
    to: list[str] = Field(description="To whom.", min_length=1, max_length=50)

    @field_validator("sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        return _checked(value)

    @field_validator("to")
    @classmethod
    def _many_addresses(cls, value: list[str]) -> list[str]:
        return [_checked(one) for one in value]

    def deliver(self, body: str, subject: str | None) -> None:
        """Send it. Raises Forbidden, Undelivered (no answer, a refusal)."""
        if self.tls == "none" and self.password and not settings.outgoing_http:
            raise Forbidden(
                "A password would be sent in clear.",
                code="mail.clear",
                field="tls",
                hint="Use starttls or tls, or set outgoing_http.",
            )
        with Cut(settings.outgoing_seconds) as cut:
            try:
                self._send(_letter(self.sender, self.to, body, subject), cut)
            except (smtplib.SMTPException, OSError) as error:
                raise Undelivered(f"{self.host}: {_why(error, cut)}.") from None

    def _send(self, letter: EmailMessage, cut: Cut) -> None:
        context = None if self.tls == "none" else ssl.create_default_context()
        talk = _Smtp(self.host, cut, context if self.tls == "tls" else None)
        try:
            talk.connect(self.host, self.port)
            if self.tls == "starttls":
                talk.starttls(context=context)
            if self.username and self.password:
                talk.login(self.username, self.password.get_secret_value())
            talk.send_message(letter)
            talk.quit()
        finally:
            talk.close()


class _Smtp(smtplib.SMTP):
    """SMTP over connections of `outgoing`: to an address that was checked, and not for long."""

    def __init__(self, host: str, cut: Cut, context: ssl.SSLContext | None) -> None:
        self._cut, self._context = cut, context
        # Naming ourselves by asking the network who we are may take a minute.
        super().__init__(local_hostname=socket.gethostname() or "localhost", timeout=cut.seconds)
        self._host = host  # whose name the certificate must be of

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        made = outgoing.connect(host, port, self._cut, extra_ports=outgoing.MAIL_PORTS)
        if self._context is not None:
            made = self._context.wrap_socket(made, server_hostname=host)
        return made


def _letter(sender: str, to: list[str], body: str, subject: str | None) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = sender, ", ".join(to)
    # A line break would begin another header.
    letter["Subject"] = " ".join((subject or "nbflow").split())[:LONGEST_SUBJECT]
    letter["Date"], letter["Message-ID"] = formatdate(), make_msgid(domain="nbflow")
    letter.set_content(body)
    return letter


def _checked(address: str) -> str:
    try:
        Address(addr_spec=address.strip())
    except (MessageError, ValueError, IndexError):
        raise InvalidInput("This is no address for mail.", code="mail.address") from None
    if not address.isprintable() or "," in address:
        raise InvalidInput("This is no address for mail.", code="mail.address")
    return address.strip()


def _why(error: Exception, cut: Cut) -> str:
    if cut.over:
        return f"no answer in {cut.seconds:g} s"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the name or password was refused"
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__}{f' {code}' if code else ''}"
