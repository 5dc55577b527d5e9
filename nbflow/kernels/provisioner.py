"""Kernel provisioner `nbflow-prefork`: a run's kernel is forked, or one that stands by is taken.

For kernelspecs that start IPython's kernel with a Python of this machine and nothing in between, in
a process whose worker keeps kernels standing by (`standby`). Any other kernel starts as it always
does, and `why_not` says why. Once it runs it is a process like any other: watched by descriptor,
signalled as a group, ended with the process that asked for it.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import uuid
from contextlib import ExitStack
from pathlib import Path
from string import Template
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from nbflow import settings
from nbflow.kernels import specs, standby
from nbflow.kernels.forking import Forked, NotForked, ask, available
from nbflow.kernels.zygote import send

_LOCAL = "local-provisioner"
#: where forked kernels listen
_LOCALHOST = "127.0.0.1"
_PYTHON = re.compile(r"(python|pypy)[\d.]*t?")
#: options of an interpreter that change nothing about forking
_OPTION = re.compile(r"-([XW].+|[bBdEiOqsSuvI]+)")


def manager_for(kernel_name: str, *, lasting: bool = False) -> AsyncKernelManager:
    """Make the manager of a run's kernel. Raises NoSuchKernel.

    Its provisioner is `nbflow-prefork`, unless the kernelspec or the system names another.
    `lasting`: the kernel may be kept after this process.
    """
    manager = AsyncKernelManager(kernel_name=kernel_name, kernel_spec_manager=specs.manager())
    spec: Any = manager.kernel_spec
    default = os.environ.get("JUPYTER_DEFAULT_PROVISIONER_NAME", _LOCAL)
    named = spec.metadata.get("kernel_provisioner", {}).get("provisioner_name", default)
    if named == _LOCAL:
        manager.kernel_id = str(uuid.uuid4())
        made = PreforkProvisioner(kernel_id=manager.kernel_id, kernel_spec=spec, parent=manager)
        made.lasting = lasting
        manager.provisioner = made
    return manager


class PreforkProvisioner(LocalProvisioner):
    """Forks kernels, or starts them as the local provisioner does.

    Attributes:
        why_not: why a kernel was started and not forked; empty: it was forked.
        note: that as a sentence for the log of its run; empty where nobody expected a fork.
        lasting: the kernel may be kept when the process that asked for it has ended.
    """

    why_not = ""
    note = ""
    lasting = False
    _forked: Forked | None = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Have a kernel forked, else start it. Gives its connection."""
        self.why_not = self.note = ""
        talk = standby.find() if available() else None
        try:
            if talk is None:
                raise NotForked("nobody keeps kernels standing by here")
            ports = await asyncio.to_thread(self._fork, talk, cmd, kwargs)
        except NotForked as error:
            self.why_not = str(error)
            self.note = f"The kernel was started, not forked: {error}." if talk else ""
            if self.lasting:  # else it would end itself when it has another parent
                kwargs["env"].pop("JPY_PARENT_PID", None)
                kwargs["independent"] = True
            return await super().launch_kernel(cmd, **kwargs)
        return {**self.connection_info, **ports}

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel's process group; after its end nothing is hit that got its number."""
        if self._forked is None or self._forked.poll() is None:
            await super().send_signal(signum)

    async def cleanup(self, restart: bool = False) -> None:
        """Free what is held of the kernel: one that was forked ends now at the latest."""
        await super().cleanup(restart=restart)
        if self._forked is not None:
            self._forked.close()
            self._forked = None

    @property
    def lifeline(self) -> int | None:
        """Give the descriptor on which the life of a forked kernel hangs."""
        return self._forked.lifeline if self._forked is not None else None

    def answered(self) -> None:
        """Let another kernel be parked, now that this one has answered and is not in a hurry."""
        if self._forked is not None:
            self._forked.replenish()

    def _fork(self, talk: socket.socket, cmd: list[str], kwargs: dict[str, Any]) -> dict[str, int]:
        """Ask for a kernel, and wait until it listens. Raises NotForked."""
        env, cwd = kwargs["env"], kwargs.get("cwd")
        seconds = settings.kernel_start_seconds
        with ExitStack() as stack:
            stack.callback(talk.close)
            python, arguments = _plain(cmd)
            argv = ["ipykernel_launcher", *arguments]
            connection = self.connection_info
            plain = connection.get("transport") == "tcp" and "curve_secretkey" not in connection
            if not plain or connection.get("ip") != _LOCALHOST:
                raise NotForked("its connection is not plain TCP within this machine")
            spec_env = {name: env[name] for name in self.kernel_spec.env}
            introduce(talk, "fork", python, spec_env)
            with open(os.devnull, "rb") as nothing:
                outputs = (_descriptor(kwargs, "stdout", 1), _descriptor(kwargs, "stderr", 2))
                fds = (nothing.fileno(), *outputs)
                forked = ask(talk, argv, env=env, cwd=cwd, fds=fds, seconds=seconds)
            stack.callback(forked.close)
            ports = forked.hear(seconds)["ports"]
            stack.pop_all()
        self._forked = self.process = forked
        self.pid = self.pgid = forked.pid
        self.cwd = Path(kwargs.get("cwd") or os.getcwd())
        return ports


def expect(kernel_name: str) -> None:
    """Have a kernel of a kernelspec stand by before it is asked for. Raises NotForked."""
    talk = standby.find()
    if talk is None:
        return
    with talk:
        manager = AsyncKernelManager(kernel_name=kernel_name)
        spec: Any = manager.kernel_spec
        manager._launch_args = {}
        python, _arguments = _plain(manager.format_kernel_cmd())
        env = {name: Template(text).safe_substitute(os.environ) for name, text in spec.env.items()}
        introduce(talk, "expect", python, env)


def introduce(talk: socket.socket, what: str, python: list[str], env: dict[str, str]) -> None:
    """Say first which interpreter's kernel a conversation is about. Raises NotForked."""
    try:
        send(talk, {"op": what, "python": python, "env": env})
    except OSError as error:
        raise NotForked(f"the worker cannot be asked: {error}") from None


def _plain(cmd: list[str]) -> tuple[list[str], list[str]]:
    """Take a kernel's command apart: the interpreter, the kernel's arguments. Raises NotForked."""
    at = cmd.index("-m") if "-m" in cmd else 0
    options, module = cmd[1:at], cmd[at + 1 : at + 2]
    known = module in (["ipykernel_launcher"], ["ipykernel"])
    if not at or not known or not _PYTHON.fullmatch(Path(cmd[0]).name):
        raise NotForked("its kernelspec does not start IPython's kernel with a Python directly")
    if not all(_OPTION.fullmatch(option) for option in options):
        raise NotForked(f"its kernelspec starts Python with {' '.join(options)}")
    return cmd[:at], cmd[at + 2 :]


def _descriptor(kwargs: dict[str, Any], name: str, default: int) -> int:
    given = kwargs.get(name)
    if given is None:
        return default
    if isinstance(given, int) and given < 0:
        raise NotForked(f"its {name} is to be a pipe")
    return given if isinstance(given, int) else given.fileno()
