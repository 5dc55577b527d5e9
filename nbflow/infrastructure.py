"""Infrastructure blocks: how a deployment's runs are executed, as a block says it by name.

    from nbflow.infrastructure import Process
    Process(env={"REGION": "eu"}, working_dir="/srv").save("eu")

What a block says are job variables of the work pool type of its name, and an agent's launcher is a
worker's: `publish_as_work_pool` makes such a pool of it.
"""

from __future__ import annotations

import copy
import shlex
from typing import Any, ClassVar

from pydantic import Field

from nbflow.blocks.core import Block
from nbflow.connect import connect
from nbflow.model import infrastructures, job_variables, pool_types
from nbflow.model.work_pools import NewWorkPool, WorkPool


class Infrastructure(Block):
    """How runs are executed: what all kinds of it say."""

    block_schema_capabilities: ClassVar[list[str]] = ["run-infrastructure"]

    type: str = Field(default="", description="Of the work pools that execute so.")
    env: dict[str, str | None] = Field(
        default_factory=dict, description="Set for a run's process and kernel; null takes one away."
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Told to the run as JSON: NBFLOW_JOB_LABELS."
    )
    name: str | None = Field(
        default=None, max_length=255, description="What a run's process is called; else as the run."
    )
    working_dir: str | None = Field(
        default=None, pattern="^/", description="An absolute path; else where the code is."
    )

    @classmethod
    def is_abstract(cls) -> bool:
        """Say whether there are no blocks of this class itself."""
        return Block in cls.__bases__ or super().is_abstract()

    def job_variables(self) -> dict[str, Any]:
        """Give what it says as job variables; what is null or empty says nothing."""
        said = infrastructures.variables(self.model_dump(mode="json"))
        return {name: value for name, value in said.items() if value not in ({}, None)}

    def generate_work_pool_base_job_template(self) -> dict[str, Any]:
        """Give the job template of a work pool whose runs are executed so unless they say more.

        Raises InvalidInput (a variable that may not be set, say).
        """
        template: dict[str, Any] = copy.deepcopy(dict(pool_types.TEMPLATES[self.type]))
        for name, value in self.job_variables().items():
            template["variables"]["properties"][name]["default"] = value
        return job_variables.check_template(template)

    def publish_as_work_pool(self, work_pool_name: str | None = None) -> WorkPool:
        """Make a work pool whose runs are executed so; give it.

        Args:
            work_pool_name: the name it was saved by when left out, else the type's.

        Raises InvalidInput, Conflict (there is one of that name).
        """
        name = work_pool_name or self._block_document_name or self.type
        template = self.generate_work_pool_base_job_template()
        return connect().create_work_pool(
            NewWorkPool(name, type=self.type, base_job_template=template)
        )

    def preview(self) -> str:
        """Give what a run's process is started with, as one would type it."""
        job = job_variables.configure(pool_types.TEMPLATES[self.type], self.job_variables())
        lines = [f"cd {shlex.quote(job['working_dir'])}"] if job.get("working_dir") else []
        for name, value in sorted(job.get("env", {}).items()):
            shown = f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
            lines.append(shown)
        command = shlex.join(job.get("command") or ["python", "-m", "nbflow.notebook.execute"])
        kernel = f"  # in the kernel {job['kernel_name']}" if job.get("kernel_name") else ""
        return "\n".join([*lines, f"{command} FLOW_RUN_ID ATTEMPT{kernel}"])


class Process(Infrastructure):
    """Execute each run in a process of its own, a notebook in a kernel of its own kernelspec."""

    _block_type_name = "Process"
    _block_type_slug = "process"

    type: str = Field(default="process", pattern="^process$")
    command: list[str] | None = Field(
        default=None,
        description="Started instead of nbflow's own command; it is given that one's last two "
        "words, the run's id and the attempt.",
    )
    stream_output: bool = Field(
        default=False, description="Whether the agent's output shows what runs print."
    )


class Kernel(Infrastructure):
    """Execute every run, also one of a script, in a kernel of one kernelspec."""

    _block_type_name = "Kernel"
    _block_type_slug = "kernel"

    type: str = Field(default="kernel", pattern="^kernel$")
    kernel: str | None = Field(
        default=None,
        pattern="^[A-Za-z0-9._-]+$",
        max_length=255,
        description="The kernelspec; else the deployment's own.",
    )
