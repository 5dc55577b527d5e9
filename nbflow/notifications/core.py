"""`NotificationBlock`: what every block that tells people has in common."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import PrivateAttr

from nbflow.blocks import Block
from nbflow.exceptions import NbflowError
from nbflow.model import texts
from nbflow.outgoing import Undelivered

_log = logging.getLogger("nbflow.notifications")


class NotificationError(Undelivered):
    """A notification was not taken."""

    code = "notification.failed"


class NotificationBlock(Block):
    """A way to tell people something."""

    _block_schema_capabilities = ["notify"]

    _raises: bool = PrivateAttr(default=False)

    def notify(self, body: str, subject: str | None = None) -> None:
        """Tell people something.

        What fails is logged as a warning, so that news do not end the work they are about; within
        `raise_on_failure()` it raises NotificationError.
        """
        try:
            self.deliver(body, subject)
        except NbflowError as error:
            said = texts.safe(str(error))
            if self._raises:
                raise NotificationError(said, code=error.code, field=error.field) from None
            _log.warning("%s did not take a notification: %s", type(self).__name__, said)

    async def anotify(self, body: str, subject: str | None = None) -> None:
        """Tell people something without stopping the event loop: see `notify`."""
        await asyncio.to_thread(self.notify, body, subject)

    @contextmanager
    def raise_on_failure(self) -> Generator[None, None, None]:
        """Let `notify` raise NotificationError within a `with` block."""
        before, self._raises = self._raises, True
        try:
            yield
        finally:
            self._raises = before

    @abstractmethod
    def deliver(self, body: str, subject: str | None) -> None:
        """Send it. Raises NbflowError: why it was not taken."""
