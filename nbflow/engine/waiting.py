"""Records that are in the spool and not yet in the store, the oldest first; of a task run, and of
an artifact, only the latest. When to send them is `recorder.py`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from nbflow.model import clock, rows
from nbflow.model.events import NewEvent
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Artifact, Batch, LogEntry
from nbflow.store.spool import BATCH_ROWS


class Waiting:
    """What one recorder still has to send."""

    def __init__(self) -> None:
        self.tasks: dict[str, rows.Row] = {}
        self.results: list[ResultRecord] = []
        self.logs: list[LogEntry] = []
        self.artifacts: dict[str, Artifact] = {}
        self.events: list[NewEvent] = []
        #: of each run, how many log lines there was no room for
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        kinds = (self.tasks, self.results, self.logs, self.artifacts, self.events)
        return sum(map(len, kinds))

    def full(self, most: int) -> bool:
        """Say whether there are so many records of a kind."""
        return len(self.tasks) >= most or len(self.logs) >= most or len(self.events) >= most

    def add(
        self,
        tasks: Iterable[rows.Row],
        results: Iterable[ResultRecord],
        others: Iterable[LogEntry | Artifact | NewEvent],
    ) -> None:
        """Add records that are newer than those here."""
        for row in tasks:
            self.tasks[row[0]] = row
        self.results += results
        for record in others:
            if isinstance(record, LogEntry):
                self.logs.append(record)
            elif isinstance(record, NewEvent):
                self.events.append(record)
            else:
                self.artifacts[record.id] = record

    def drop_lines(
        self, others: Iterable[LogEntry | Artifact | NewEvent]
    ) -> Iterable[LogEntry | Artifact | NewEvent]:
        """Give records without their log lines, which are counted: there is no room anywhere."""
        lines = [record for record in others if isinstance(record, LogEntry)]
        self.dropped.update(line.flow_run_id for line in lines)
        return [record for record in others if not isinstance(record, LogEntry)]

    def say_dropped(self) -> bool:
        """Have each log say how many of its lines are missing; say whether any is."""
        for flow_run_id, count in self.dropped.items():
            said = f"{count:,} log lines were dropped here: there was no room on the disk."
            self.logs.append(LogEntry(flow_run_id, clock.now(), logging.WARNING, said))
        missing = bool(self.dropped)
        self.dropped.clear()
        return missing

    def take(self, batch: Batch) -> None:
        """Add records that were read back from the spool: what is here may be newer."""
        for run in batch.task_runs:
            self.tasks.setdefault(run.id, run.row())
        for artifact in batch.artifacts:
            self.artifacts.setdefault(artifact.id, artifact)
        self.results += batch.results
        self.logs += batch.logs
        self.events += batch.events

    def oldest(self) -> Batch:
        """Give the oldest records, `BATCH_ROWS` of a kind at most."""
        return Batch(
            tuple([rows.task_run(row) for row in islice(self.tasks.values(), BATCH_ROWS)]),
            tuple(self.logs[:BATCH_ROWS]),
            tuple(islice(self.artifacts.values(), BATCH_ROWS)),
            # A task run keeps the place it had when it began, its result comes at its end: none of
            # them may be sent later than its run.
            tuple(self.results),
            tuple(self.events[:BATCH_ROWS]),
        )

    def forget(self, batch: Batch) -> None:
        """Take out what `oldest` gave."""
        for run in batch.task_runs:
            self.tasks.pop(run.id, None)
        del self.results[: len(batch.results)]
        del self.logs[: len(batch.logs)]
        del self.events[: len(batch.events)]
        for artifact in batch.artifacts:
            self.artifacts.pop(artifact.id, None)
