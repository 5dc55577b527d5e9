"""`python -m nbflow.services`: scheduler, reaper, retention and automations, without a server.

Ends at SIGTERM, at Ctrl-C, or when standard input closes, for whoever keeps it as a child.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading

from nbflow import settings
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService
from nbflow.services.outside_actions import OutsideActions
from nbflow.services.reaper import Reaper
from nbflow.services.retention import Retention
from nbflow.services.scheduler import Scheduler
from nbflow.services.service import Service


def main(argv: list[str] | None = None) -> None:
    """Do the chores of a store until stopped."""
    parser = argparse.ArgumentParser(prog="python -m nbflow.services", description=main.__doc__)
    parser.add_argument("--watch-stdin", action="store_true", help="end when it closes")
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if given.watch_stdin:
        threading.Thread(target=_watch, args=(stopped,), daemon=True).start()
    settings.ensure_home()
    orchestrator = Orchestrator()
    scheduler = Scheduler(orchestrator)
    acting = (AutomationsService(orchestrator), OutsideActions(orchestrator))
    others = (Reaper(orchestrator), Retention(orchestrator), *acting)
    services = [*map(Service, (scheduler, *others))]
    for service in services:
        service.start()
    stopped.wait()
    for service in services:
        service.stop()
    scheduler.stop()
    orchestrator.close()


def _watch(stopped: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        continue
    stopped.set()


if __name__ == "__main__":
    main()
