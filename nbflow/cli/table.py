"""Every noun and verb of `nbflow`, in one table. `%nbflow` in a notebook offers the same.

Only names and one line of help live here, so that `nbflow --help` loads nothing else; a verb's
arguments stand beside its function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """One thing nbflow can be asked to do.

    Attributes:
        words: what is typed: a noun and a verb, or one word.
        help: one line.
        home: `module:function`, below `nbflow.cli`.
        stays: it runs until it is stopped, so it needs a terminal of its own.
        warm: a warm process of a worker, where there is one, does it sooner.
    """

    words: tuple[str, ...]
    help: str
    home: str
    stays: bool = False
    warm: bool = False

    @property
    def name(self) -> str:
        """Give the words as they are typed."""
        return " ".join(self.words)

    def function(self) -> Callable[..., int | None]:
        """Load the function that does it."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(f"nbflow.cli.{module}"), name)


COMMANDS: tuple[Command, ...] = (
    Command(("run",), "run a notebook now", "run:run", warm=True),
    Command(("resume",), "let a failed notebook run go on", "resume:resume", warm=True),
    Command(("graph",), "show which cell of a notebook needs which", "graph:graph"),
    Command(("deploy",), "deploy a notebook or a flow, with schedules", "deploy:deploy"),
    Command(("serve",), "deploy, and run what is asked or due", "serve:serve", True),
    Command(("deployment", "build"), "write a deployment.yaml, with storage", "building:build"),
    Command(("deployment", "apply"), "deploy what such files say", "building:apply"),
    Command(("deployment", "ls"), "list deployments", "deployment:ls"),
    Command(("deployment", "inspect"), "show a deployment and its schedules", "deployment:inspect"),
    Command(("deployment", "run"), "have a worker run a deployment now", "deployment:run"),
    Command(("deployment", "pause"), "stop a deployment's schedules", "deployment:pause"),
    Command(("deployment", "resume"), "let its schedules go on, from now", "deployment:resume"),
    Command(("deployment", "update"), "edit one, or deploy its file anew", "deployment:update"),
    Command(("deployment", "versions"), "list what it was", "deployment_versions:versions"),
    Command(("deployment", "diff"), "compare two versions", "deployment_versions:diff"),
    Command(("deployment", "rollback"), "go back to a version", "deployment_versions:rollback"),
    Command(("deployment", "drift"), "show what its files became", "deployment_versions:drift"),
    Command(("deployment", "delete"), "delete one; its past runs stay", "deployment:delete"),
    Command(("schedule", "ls"), "list schedules, the next due first", "schedule:ls"),
    Command(("schedule", "inspect"), "show one, and what is to come", "schedule:inspect"),
    Command(("schedule", "create"), "give a deployment a schedule", "schedule:create"),
    Command(("schedule", "update"), "change a schedule, from now on", "schedule:update"),
    Command(("schedule", "delete"), "delete one; past runs stay", "schedule:delete"),
    Command(("schedule", "clear"), "delete all of a deployment", "schedule:clear"),
    Command(("schedule", "pause"), "make no runs for now", "schedule:pause"),
    Command(("schedule", "resume"), "make runs again, from now", "schedule:resume"),
    Command(("schedule", "preview"), "say when a timing is due", "schedule:preview"),
    Command(("schedule", "skip"), "leave out one instant to come", "schedule:skip"),
    Command(("backfill", "run"), "make runs for instants that have passed", "backfill:run"),
    Command(("backfill", "ls"), "list backfills, newest first", "backfill:ls"),
    Command(("backfill", "inspect"), "show how far one is", "backfill:inspect"),
    Command(("backfill", "cancel"), "cancel what is left of one", "backfill:cancel"),
    Command(("flow", "ls"), "list flows", "run_lists:flows"),
    Command(("flow", "inspect"), "show a flow and its newest runs", "run_lists:inspect_flow"),
    Command(("flow-run", "ls"), "list runs, newest first", "run_lists:ls"),
    Command(("flow-run", "count"), "count runs", "run_lists:count"),
    Command(("flow-run", "bulk"), "cancel, delete, retry or tag many runs", "run_lists:bulk"),
    Command(("flow-run", "delete"), "delete an ended run", "run_lists:delete"),
    Command(("flow-run", "set-state"), "set a run's state", "run_lists:set_state"),
    Command(("flow-run", "inspect"), "show a run: states, cells, files", "flow_run:inspect"),
    Command(("flow-run", "logs"), "show a run's log", "flow_run:logs"),
    Command(("flow-run", "kernel"), "attach to the kernel kept of a run", "kept_kernel:kernel"),
    Command(("flow-run", "cancel"), "ask a run to stop", "flow_run:cancel"),
    Command(("flow-run", "pause"), "let a run wait before its next task", "flow_run_again:pause"),
    Command(("flow-run", "suspend"), "end a run's process for a while", "flow_run_again:suspend"),
    Command(("flow-run", "resume"), "let a paused run go on", "flow_run_again:resume"),
    Command(("flow-run", "retry"), "try an ended run once more", "flow_run_again:retry"),
    Command(("flow-run", "accept"), "take a late end as a run's end", "flow_run_again:accept"),
    Command(("flow-run", "export"), "turn an executed notebook into html, …", "exporting:export"),
    Command(("concurrency-limit", "ls"), "list limits", "concurrency_limit:ls"),
    Command(
        ("concurrency-limit", "inspect"),
        "show who holds slots and who waits",
        "concurrency_limit:inspect",
    ),
    Command(("concurrency-limit", "create"), "limit a name, or a tag", "concurrency_limit:create"),
    Command(("concurrency-limit", "update"), "change a limit", "concurrency_limit:update"),
    Command(("concurrency-limit", "reset"), "take slots back", "concurrency_limit:reset"),
    Command(("concurrency-limit", "delete"), "delete a limit", "concurrency_limit:delete"),
    Command(("work-pool", "ls"), "list work pools", "work_pool:ls"),
    Command(("work-pool", "inspect"), "show a pool, queues, workers", "work_pool:inspect"),
    Command(("work-pool", "create"), "make a pool", "work_pool:create"),
    Command(("work-pool", "update"), "change a pool", "work_pool:update"),
    Command(("work-pool", "pause"), "start nothing of a pool", "work_pool:pause"),
    Command(("work-pool", "resume"), "let its runs start again", "work_pool:resume"),
    Command(("work-pool", "delete"), "delete a pool and its queues", "work_pool:delete"),
    Command(("work-pool", "preview"), "print a pool's job template", "work_pool:preview"),
    Command(("work-queue", "ls"), "list a pool's queues", "work_queue:ls"),
    Command(("work-queue", "inspect"), "show a queue", "work_queue:inspect"),
    Command(("work-queue", "create"), "make a queue", "work_queue:create"),
    Command(("work-queue", "update"), "change a queue", "work_queue:update"),
    Command(("work-queue", "pause"), "start nothing of a queue", "work_queue:pause"),
    Command(("work-queue", "resume"), "let its runs start again", "work_queue:resume"),
    Command(("work-queue", "delete"), "delete a queue", "work_queue:delete"),
    Command(("variable", "ls"), "list variables", "variable:ls"),
    Command(("variable", "get"), "print a variable's value", "variable:get"),
    Command(("variable", "set"), "set a variable", "variable:set"),
    Command(("variable", "update"), "edit a variable", "variable:update"),
    Command(("variable", "inspect"), "show a variable", "variable:inspect"),
    Command(("variable", "unset"), "delete a variable", "variable:unset"),
    Command(("block", "ls"), "list blocks", "block:ls"),
    Command(("block", "inspect"), "show a block; secrets are asterisks", "block:inspect"),
    Command(("block", "history"), "show who did what with a block", "block:history"),
    Command(("block", "create"), "save a block of a type", "block:create"),
    Command(("block", "delete"), "delete a block", "block:delete"),
    Command(("block", "register"), "make the types of a module known", "block:register"),
    Command(("block", "type", "ls"), "list block types", "block_type:ls"),
    Command(("block", "type", "inspect"), "show a type and its fields", "block_type:inspect"),
    Command(("block", "type", "delete"), "delete a type without blocks", "block_type:delete"),
    Command(("secret", "ls"), "list secrets by name", "secret:ls"),
    Command(("secret", "set"), "keep a secret, encrypted", "secret:set"),
    Command(("secret", "get"), "print a secret", "secret:get"),
    Command(("secret", "delete"), "delete a secret", "secret:delete"),
    Command(("secret", "rotate"), "encrypt all secrets with a new key", "secret:rotate"),
    Command(("secret", "new-key"), "print a new key", "secret:new_key"),
    Command(("event", "ls"), "list events, newest first", "event:ls"),
    Command(("event", "stream"), "show events as they come", "event:stream"),
    Command(("event", "emit"), "tell that something happened", "event:emit"),
    Command(("automation", "ls"), "list automations", "automation:ls"),
    Command(("automation", "inspect"), "show one, and why it fired or not", "automation:inspect"),
    Command(("automation", "create"), "make automations of a file", "automation:create"),
    Command(("automation", "update"), "change one by a file", "automation:update"),
    Command(("automation", "pause"), "let it rest", "automation:pause"),
    Command(("automation", "resume"), "let it work again, from now", "automation:resume"),
    Command(("automation", "delete"), "delete an automation", "automation:delete"),
    Command(("automation", "test"), "try one on past events; do nothing", "automation:test"),
    Command(("automation", "firings"), "list what it did, newest first", "automation:firings"),
    Command(("artifact", "ls"), "list artifacts, newest first", "artifact:ls"),
    Command(("artifact", "inspect"), "show an artifact and its versions", "artifact:inspect"),
    Command(("artifact", "delete"), "delete one, or all of a key", "artifact:delete"),
    Command(("task-run", "ls"), "list a run's task runs", "task_run:ls"),
    Command(("task-run", "inspect"), "show a task run: states, result", "task_run:inspect"),
    Command(("task-run", "logs"), "show what one task run has logged", "task_run:logs"),
    Command(("server", "start"), "start a server that schedules and runs", "server:start", True),
    Command(("worker", "start"), "start a worker of a pool", "worker:start", True),
    Command(("agent", "start"), "start an agent for queues", "agent:start", True),
    Command(("token", "create"), "let a worker elsewhere in", "token:create"),
    Command(("token", "ls"), "list workers' tokens", "token:ls"),
    Command(("token", "revoke"), "end a worker's token", "token:revoke"),
    Command(("database", "upgrade"), "bring the schema up to date", "database:upgrade"),
    Command(("database", "downgrade"), "take the schema back", "database:downgrade"),
    Command(("database", "backup"), "copy the store into a file", "database:backup"),
    Command(("database", "restore"), "put a copy in the store's place", "database:restore"),
    Command(("database", "check"), "look for anything wrong in the store", "database:check"),
    Command(("database", "prune"), "delete what is older than its setting", "database:prune"),
    Command(("config", "autoload"), "load nbflow in every kernel", "config:autoload"),
    Command(("doctor",), "check this installation, and say what to do", "doctor:doctor"),
    Command(("version",), "show the version", "version:version"),
)


def nouns() -> list[str]:
    """List the first words, in the table's order."""
    return list(dict.fromkeys(command.words[0] for command in COMMANDS))


def is_quicker_elsewhere(words: Sequence[str]) -> bool:
    """Say whether a warm process does sooner what these words say."""
    asks = {"-h", "--help"} & {*words}
    return not asks and any(
        command.warm and tuple(words[: len(command.words)]) == command.words for command in COMMANDS
    )


def of_noun(noun: str) -> tuple[Command, ...]:
    """List the commands that begin with a word."""
    return tuple(command for command in COMMANDS if command.words[0] == noun)
