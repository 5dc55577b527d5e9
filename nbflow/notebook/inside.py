"""What is executed inside a kernel to save its variables, and to restore them in another.

The text of this file is sent to the kernel, whose environment may hold no nbflow: it imports what
Python brings, cloudpickle where that is there, and nbflow only to read what nbflow stored. It
leaves nothing in the notebook's names. What to save is `checkpoints`' business.

A value is a file of its own, a pickle; `index.jsonl` gets a line for each (names, checksum, type),
one for each that could not be saved, and a last one that says after which cell this was. A value
that is part of another, and has a name itself, is saved once: the pickle of the other refers to it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import sys
import time
import types

INDEX = "index.jsonl"

#: of these nobody can tell whether two names mean the same object, and nobody needs to
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type, types.FunctionType,
          types.BuiltinFunctionType, types.ModuleType, type(Ellipsis), range)  # fmt: skip
#: of IPython, not of the notebook
_SHELL = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})
#: what a library keeps for itself that decides what comes next
_RANDOM = "*random"


#: what was saved of each name last, in this kernel
_known = {}


class _Not(Exception):
    """A value is not saved."""


class _Sink(io.RawIOBase):
    """A file that counts, digests, and ends in time."""

    def __init__(self, file, room, deadline):
        self.file, self.room, self.deadline = file, room, deadline
        self.size, self.sha = 0, hashlib.sha256()
        self.secrets, self.tail = _secrets(), b""

    def writable(self):
        return True

    def write(self, data):
        self.size += len(data)
        if self.size > self.room:
            raise _Not("it is too large")
        if time.monotonic() > self.deadline:
            raise _Not("there was no time left for it")
        if self.secrets:
            seen = self.tail + bytes(data)
            if any(secret in seen for secret in self.secrets):
                raise _Not("it holds a secret")
            self.tail = seen[-max(map(len, self.secrets)) :]
        self.sha.update(data)
        self.file.write(data)
        return len(data)


def _secrets():
    """Give the secrets known here: what holds one is made anew rather than written down."""
    masking = sys.modules.get("nbflow.model.masking")
    known = () if masking is None else masking.registered()
    return [secret.encode("utf-8", "backslashreplace") for secret in known]


class _Saving:
    """One request to save."""

    def __init__(self, asked, names):
        self.asked, self.names = asked, names
        self.deadline = time.monotonic() + asked["seconds"]
        self.room = asked["bytes"]
        self.lines = []
        self.done = {}  # id of a value -> its record, or why there is none
        self.busy = set()
        self.known = _known
        self.spoiled = self._spoiled()
        self.called = {}  # id -> all its names
        for name in self._all():
            if not isinstance(names[name], _PLAIN):
                self.called.setdefault(id(names[name]), []).append(name)

    def _all(self):
        hidden = _hidden()
        for name, value in self.names.items():
            if name.startswith("_") or name in _SHELL or isinstance(value, types.ModuleType):
                continue
            if name in hidden and hidden[name] is value:
                continue
            if name in self.asked["defined"] and isinstance(value, (type, types.FunctionType)):
                continue
            yield name

    def _spoiled(self):
        """Give the names, and the ids of values, that the failed cell had begun to change."""
        line = _failed_line() if self.asked["touched"] else None
        found = set()
        for name, first, last, after in self.asked["touched"]:
            reached = line is None or (last < line if after else first <= line)
            if reached and name in self.names:
                found.add(name)
                if not after and not isinstance(self.names[name], _PLAIN):
                    found.add(id(self.names[name]))
        return found

    def save(self):
        wanted = [name for name in self._all() if self._is_new(name)]
        first = set(self.asked["first"])
        for name in sorted(wanted, key=lambda name: name not in first):
            if name not in first:
                self.deadline = min(self.deadline, time.monotonic() + self.asked["seconds"] / 5)
                self.room = min(self.room, self.asked["bytes"] / 5)
            self._name(name)
        if self.asked["random"]:
            self._value([_RANDOM], _random_state())
        self.lines.append({"kind": "done", "after": self.asked["after"]})
        data = "".join(json.dumps(line) + "\n" for line in self.lines).encode()
        index = os.open(
            os.path.join(self.asked["folder"], INDEX), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        try:
            os.write(index, data)
        finally:
            os.close(index)

    def _is_new(self, name):
        """Say whether a name may mean something else than when it was saved last."""
        if not self.asked["only_new"] or name not in self.known:
            return True
        value, was = self.names[name], self.known[name]
        if was["id"] != id(value) or name in self.asked["changed"]:
            return True
        return name in self.asked["read"] and not isinstance(value, _PLAIN)

    def _name(self, name):
        value = self.names[name]
        names = self.called.get(id(value), [name])
        if name in self.spoiled or id(value) in self.spoiled:
            self._lost([name], value, "the cell that failed had begun to change it")
        elif id(value) not in self.done or isinstance(value, _PLAIN):
            self._value([n for n in names if n not in self.spoiled], value)

    def _value(self, names, value):
        """Save a value under its names; give its record's reference, or None."""
        self.busy.add(id(value))
        record, why = None, ""
        for base in _picklers():
            try:
                record = self._pickle(base, value)
                break
            except _Not as error:
                why = str(error)
                break
            except Exception as error:
                why = why or f"{type(error).__name__}: {str(error)[:200]}"
        self.busy.discard(id(value))
        if record is None:
            self._lost(names, value, why)
        else:
            self._keep(names, value, record)
        self.done[id(value)] = record
        return record

    def _keep(self, names, value, record):
        new = [n for n in names if self.known.get(n, {}).get("sha256") != record["sha256"]]
        if new:
            self.room -= record["size"]
            self.lines.append(dict(record, kind="value", names=new, type=_kind(value)))
        else:
            os.unlink(os.path.join(self.asked["folder"], record["file"]))
            record.update(self.known[names[0]]["record"])
        for name in names:
            self.known[name] = {"id": id(value), "sha256": record["sha256"], "record": record}

    def _lost(self, names, value, why):
        self.lines.append({"kind": "lost", "names": names, "type": _kind(value), "why": why})

    def _pickle(self, base, value):
        file_name = f"{self.asked['batch']}-{len(os.listdir(self.asked['folder'])):04}.pickle"
        path = os.path.join(self.asked["folder"], file_name)
        saving = self

        class Pickler(base):
            def persistent_id(self, part):
                return saving._reference(part, value)

        try:
            with open(path, "xb", opener=_private) as file:
                sink = _Sink(file, self.room, self.deadline)
                Pickler(sink, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
            return {"file": file_name, "sha256": sink.sha.hexdigest(), "size": sink.size}
        except BaseException:
            os.unlink(path)
            raise

    def _reference(self, part, whole):
        """Give how a pickle refers to a part that has a name of its own; None: it is put in."""
        names = self.called.get(id(part))
        if part is whole or names is None or isinstance(part, _PLAIN):
            return None
        if id(part) in self.spoiled:
            raise _Not(f"the cell that failed had begun to change {names[0]}, which is in it")
        if id(part) in self.busy:
            return None
        known = self.known.get(names[0])
        if id(part) in self.done:
            record = self.done[id(part)]
        elif known is not None and not self._is_new(names[0]):
            record = known["record"]
        else:
            record = self._value(names, part)
        return None if record is None else (record["file"], record["sha256"])


def _picklers():
    yield pickle.Pickler
    try:
        import cloudpickle
    except ImportError:
        return
    yield cloudpickle.CloudPickler


def _private(path, flags):
    return os.open(path, flags, 0o600)


def _hidden():
    shell = getattr(__import__("builtins"), "get_ipython", lambda: None)()
    return getattr(shell, "user_ns_hidden", {})


def _failed_line():
    """Give the line of the cell at which its exception passed; None: that cannot be told."""
    trace = getattr(sys, "last_traceback", None)
    names = _namespace()
    lines = []
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals is names and frame.f_code.co_name in ("<module>", "<cell line: 1>"):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[0] if len(lines) == 1 else None


def _kind(value):
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".replace("builtins.", "")


def _namespace():
    return sys.modules["__main__"].__dict__


# -- what decides about what comes next, beside variables -----------------------------------------
def _random_state():
    state = {"cwd": os.getcwd()}
    if "random" in sys.modules:
        state["random"] = sys.modules["random"].getstate()
    if "numpy.random" in sys.modules:
        state["numpy"] = sys.modules["numpy.random"].get_state()
    return state


def _set_random_state(state):
    if os.path.isdir(state["cwd"]):
        os.chdir(state["cwd"])
    if "random" in state:
        __import__("random").setstate(state["random"])
    if "numpy" in state and "numpy.random" in sys.modules:
        sys.modules["numpy.random"].set_state(state["numpy"])


# -- restoring ------------------------------------------------------------------------------------
class _Restoring:
    """One request to restore: what two values share, they share again."""

    def __init__(self, asked):
        self.asked = asked
        self.loaded = {}
        self.stored = {}

    def restore(self):
        names, failed = _namespace(), {}
        for item in self.asked["items"]:
            try:
                value = self._value(item)
            except BaseException as error:
                failed[item["name"]] = f"{type(error).__name__}: {str(error)[:200]}"
                continue
            if item["name"] == _RANDOM:
                _set_random_state(value)
            else:
                names[item["name"]] = value
        return failed

    def _value(self, item):
        if item["result_key"]:
            key = item["result_key"]
            if key not in self.stored:
                from nbflow import results

                self.stored[key] = results.of_key(key)
            return self.stored[key][item["name"]]
        return self._load(item["path"], item["sha256"])

    def _load(self, path, sha256):
        if path not in self.loaded:
            with open(path, "rb") as file:
                data = file.read()
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ValueError("its file is damaged")
            restoring = self

            class Unpickler(pickle.Unpickler):
                def persistent_load(self, reference):
                    there = os.path.join(os.path.dirname(path), reference[0])
                    return restoring._load(there, reference[1])

            self.loaded[path] = Unpickler(io.BytesIO(data)).load()
        return self.loaded[path]


def answer(asked):
    """Do what is asked, and write what came of it where the asker looks."""
    try:
        if asked["what"] == "save":
            os.makedirs(asked["folder"], mode=0o700, exist_ok=True)
            _Saving(asked, _namespace()).save()
            said = {}
        else:
            said = {"failed": _Restoring(asked).restore()}
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    draft = asked["answer"] + ".draft"
    with open(draft, "w", opener=_private) as file:
        json.dump(said, file)
    os.replace(draft, asked["answer"])
