"""The front end's words: `src/wire.ts`, made from the dataclasses.

`python -m nbflow_jupyter.wire` prints it, `--write` puts it in its place. What is said on the
change stream, and JSON Schema itself, are no dataclasses; their words are at the end of this file.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import nbflow
from nbflow.model.artifacts import Artifact, ArtifactContent, ArtifactKind
from nbflow.model.automations import (
    Automation,
    AutomationAction,
    AutomationChange,
    BucketStanding,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
)
from nbflow.model.backend import Changes, Page
from nbflow.model.blocks import (
    BlockChange,
    BlockDocument,
    BlockSchema,
    BlockType,
    NewBlock,
    NewBlockType,
)
from nbflow.model.cell_graph import CellGraph, CellNode, Edge
from nbflow.model.deploying import CellInfo, DeployRequest, NotebookInfo
from nbflow.model.deployments import (
    Deployment,
    DeploymentChange,
    DeploymentVersion,
    NewSchedule,
    Schedule,
    Skip,
    Source,
)
from nbflow.model.drift import CellDrift, Drift, FileDrift
from nbflow.model.event_log import EventCount, EventFilter
from nbflow.model.event_views import EventView, Views
from nbflow.model.events import Event
from nbflow.model.explaining import Explanation, Reason
from nbflow.model.import_cells import Checked, Missing
from nbflow.model.limits import ConcurrencyLimit, LimitChange, NewLimit, Slot
from nbflow.model.pages import Count
from nbflow.model.pool_types import TEMPLATES
from nbflow.model.results import ResultRecord
from nbflow.model.run_lists import (
    Bucket,
    BulkAnswer,
    BulkRequest,
    FlowSummary,
    Lateness,
    Refused,
    RunFilter,
    StateCount,
)
from nbflow.model.runs import FlowRun, LogEntry, Owner, TaskRun
from nbflow.model.schedules import Catchup, Cron, Interval, Overlap, RRule, Timing
from nbflow.model.scheduling import ScheduleChange, Upcoming
from nbflow.model.states import State, StateType
from nbflow.model.variables import NewVariable, Variable
from nbflow.model.verdicts import Abort, Accept, Wait
from nbflow.model.versions import FieldChange, VersionDiff
from nbflow.model.work_pools import (
    NewWorkPool,
    NewWorkQueue,
    WorkPool,
    WorkPoolChange,
    WorkQueue,
    WorkQueueChange,
)
from nbflow.model.workers import Worker
from nbflow_jupyter.shapes import (
    GraphRequest,
    Health,
    JobTemplate,
    LocalWorker,
    Preview,
    Problem,
    SchedulerInfo,
)

TARGET = Path(__file__).parents[1] / "src" / "wire.ts"

_WIDTH = 88

#: what the front end speaks of, in reading order
_ANSWERS = (State, Owner, FlowRun, TaskRun, Reason, Explanation, LogEntry,
            ResultRecord, Artifact, ArtifactContent, Schedule,
            Deployment, DeploymentVersion, FieldChange, VersionDiff, CellDrift, FileDrift, Drift,
            Upcoming, Skip, WorkPool, WorkQueue, JobTemplate, Worker, SchedulerInfo, LocalWorker,
            Health, Event, Changes, Page, CellInfo, CellNode, Edge, CellGraph, NotebookInfo,
            Preview, Missing, Checked,
            Count, StateCount, Bucket, Lateness, FlowSummary, Refused, BulkAnswer,
            Variable, Slot, ConcurrencyLimit, BlockType, BlockSchema, BlockDocument,
            Automation, AutomationAction, Firing, BucketStanding, Standing, Tested,
            EventView, Views, EventCount)  # fmt: skip
#: what it sends, or may leave fields out of
_REQUESTS = (Cron, Interval, RRule, Problem, NewSchedule, ScheduleChange, DeployRequest,
             DeploymentChange, RunFilter, BulkRequest, NewWorkPool, WorkPoolChange, NewWorkQueue,
             WorkQueueChange, NewVariable, NewLimit, LimitChange, GraphRequest,
             NewBlockType, NewBlock, BlockChange, NewAutomation, AutomationChange,
             TestAsked, EventFilter)  # fmt: skip

_ALIASES = {"ArtifactKind": ArtifactKind, "Catchup": Catchup, "Overlap": Overlap, "Source": Source}
_VERDICTS = {"accept": Accept, "wait": Wait, "abort": Abort}
_PLAIN = {str: "string", bool: "boolean", int: "number", float: "number", datetime: "Instant",
          timedelta: "number", bytes: "string", Any: "Json", NoneType: "null"}  # fmt: skip

#: mappings whose content has a name of its own
_NAMED = {
    (NotebookInfo, "parameters"): "JsonSchema",
    (JobTemplate, "variables"): "JsonSchema",
    (NotebookInfo, "problems"): "Problem[]",
    (CellGraph, "problems"): "Problem[]",
    (CellNode, "problem"): "Problem | null",
    (NotebookInfo, "kernels"): "{ name: string; display_name: string; language: string }[]",
    (BlockSchema, "fields"): "JsonSchema",
    (Firing, "labels"): "{ [label: string]: string }",
    (BucketStanding, "labels"): "{ [label: string]: string }",
    (Event, "row"): "{ [key: string]: unknown }",
    (EventView, "resource"): "{ [label: string]: string }",
    (EventView, "related"): "{ [label: string]: string }[]",
}


def text() -> str:
    """Give `src/wire.ts`."""
    parts = [
        _HEAD.format(version=nbflow.__version__),
        *(_alias(name, shape) for name, shape in {"StateType": StateType, **_ALIASES}.items()),
        *(_interface(shape, all_of_it=False) for shape in _REQUESTS[:3]),
        _union("Timing", [shape.__name__ for shape in get_args(Timing)]),
        *(_interface(shape, all_of_it=True) for shape in _ANSWERS),
        *(_interface(shape, all_of_it=False) for shape in _REQUESTS[3:]),
        _union("Verdict", [*_verdicts()]),
        _TAIL,
        _templates(),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _interface(shape: type[Any], *, all_of_it: bool) -> str:
    generic = "<Row>" if shape is Page else ""
    lines = [f"  {line};" for line in _members(shape, all_of_it=all_of_it)]
    summary = (inspect.getdoc(shape) or "").partition("\n\n")[0]
    comment = " ".join(summary.split())
    return "\n".join(
        [f"/** {comment} */", f"export interface {shape.__name__}{generic} {{", *lines, "}"]
    )


def _members(shape: type[Any], *, all_of_it: bool) -> Iterator[str]:
    hints = get_type_hints(shape)
    for field in fields(shape):
        said = _NAMED.get((shape, field.name)) or _type(hints[field.name], field.name)
        if not all_of_it and _may_be_left_out(field):
            yield f"{field.name}?: {said if _null_is_said(field) else said.removesuffix(' | null')}"
        else:
            yield f"{field.name}: {said}"


def _may_be_left_out(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _null_is_said(field: Field[Any]) -> bool:
    """Whether null is another word than nothing: an edit that takes a value away."""
    return field.default == "kept"


def _type(hint: Any, name: str = "") -> str:
    alias = next((word for word, shape in _ALIASES.items() if shape == hint), None)
    if alias or hint == Timing:
        return alias or "Timing"
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, TypeVar):
        return hint.__name__
    origin, args = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return " | ".join(_type(arg, name) for arg in args)
    if origin is Literal:
        return " | ".join(f"'{word}'" for word in args)
    if origin is tuple:
        row = _type(args[0], name)
        return f"({row})[]" if " | " in row else f"{row}[]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        words = {"parameters": "Parameters", "parameter_schema": "JsonSchema"}
        return words.get(name, "{ [key: string]: Json }")
    assert hint is StateType or is_dataclass(hint), hint
    return getattr(hint, "__name__")  # noqa: B009 - a class, which the line above does not tell


def _alias(name: str, shape: Any) -> str:
    words = list(shape) if shape is StateType else get_args(shape)
    return _union(name, [f"'{word}'" for word in words])


def _union(name: str, members: list[str]) -> str:
    line = f"export type {name} = {' | '.join(members)};"
    if len(line) <= _WIDTH:
        return line
    return f"export type {name} =" + "".join(f"\n  | {member}" for member in members) + ";"


def _verdicts() -> Iterator[str]:
    for word, shape in _VERDICTS.items():
        inside = "; ".join([f"verdict: '{word}'", *_members(shape, all_of_it=True)])
        yield f"{{ {inside} }}"


def _templates() -> str:
    """Give what each type of pool lets be chosen, so that a form can ask before there is a pool."""
    said = json.dumps(TEMPLATES, indent=2)
    shape = "{ readonly [type: string]: JobTemplate }"
    return (
        "/** The types of work pools, and the job template of a pool that has none of its own. */\n"
        f"export const POOL_TYPES: {shape} = {said};"
    )


def main(argv: list[str] | None = None) -> None:
    """Print the front end's words, or write them into its sources."""
    parser = argparse.ArgumentParser(prog="python -m nbflow_jupyter.wire", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    if parser.parse_args(argv).write:
        TARGET.write_text(text(), encoding="utf-8")
    else:
        sys.stdout.write(text())


_HEAD = """
/**
 * The words of nbflow's REST API and change stream: the dataclasses of `nbflow.model` field for
 * field, and the shapes made for REST. Made by `python -m nbflow_jupyter.wire --write`.
 */

/** The version of nbflow these words belong to; a server of another version is named as such. */
export const VERSION = '{version}';

/** ISO 8601 with offset, UTC. */
export type Instant = string;

export type Json = string | number | boolean | null | Json[] | {{ [key: string]: Json }};

export type Parameters = {{ [name: string]: Json }};
"""

_TAIL = """
export type FlowRunRow = Omit<FlowRun, 'parameters' | 'owner'>;

export type TaskRunRow = Omit<TaskRun, 'history'>;

/**
 * JSON Schema (2020-12): the words of it that forms read. `x-order`, `position`: the place among
 * the properties.
 */
export interface JsonSchema {
  $ref?: string;
  $defs?: { [name: string]: JsonSchema };
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  examples?: Json[];
  enum?: Json[];
  const?: Json;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  format?: string;
  writeOnly?: boolean;
  contentMediaType?: string;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: JsonSchema | boolean;
  prefixItems?: JsonSchema[];
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  properties?: { [name: string]: JsonSchema };
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  position?: number;
  'x-order'?: number;
  /** Which values are secret, by dotted paths; `*`: any key or item. */
  secret_fields?: string[];
  /** A part that takes a saved block: of these types, or of those that can do this. */
  block_types?: { slug: string }[];
  block_capabilities?: string[];
}

/** What a page hears of while it watches it: artifacts, users' events, what has no event. */
export type WatchedNoun = 'artifacts' | 'events' | 'slots' | 'workers';

/** What the server says on the change stream. */
export type StreamMessage =
  | {
      type: 'snapshot';
      seq: number;
      health: Health;
      flow_runs: FlowRunRow[];
      deployments: Deployment[];
      workers: Worker[];
    }
  | { type: 'changes'; from: number; to: number; events: Event[] }
  | { type: 'run'; flow_run_id: string; seq: number; task_runs: TaskRunRow[] }
  | { type: 'stirred'; nouns: WatchedNoun[] }
  | { type: 'resync' };

/** What the browser may say on it. */
export type StreamRequest =
  | { type: 'watch' | 'unwatch'; flow_run_id: string }
  | { type: 'watch' | 'unwatch'; noun: WatchedNoun };
"""

if __name__ == "__main__":
    main()
