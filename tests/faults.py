"""Disks that fail on demand, for tests: the Nth system call refuses, or the power goes between two calls."""

import errno
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from polyglass.errors import OutOfSpaceError

CALLS = ("open", "write", "fsync", "replace", "rename", "mkdir")


@dataclass
class Counter:
    """How many calls were made, and which one refused."""

    calls: int = 0
    failed: str = ""


@contextmanager
def call_fails(number: int, code: int = errno.ENOSPC) -> Iterator[Counter]:
    """Let the call `number` (from 1) of open, write, fsync, replace, rename and mkdir refuse, once."""
    counter = Counter()

    def wrap(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counter.calls += 1
            if counter.calls == number:
                counter.failed = name
                raise OSError(code, os.strerror(code), str(args[0]))
            return real(*args, **kwargs)

        return call

    with patch.multiple(os, **{name: wrap(name) for name in CALLS}):
        yield counter


def in_child(action: Callable[[], None], *, seconds: int = 5) -> int:
    """Run `action` in a forked child; return 0, or 1 if it raised, or the negative number of the signal that killed it.

    A child that takes longer dies by SIGALRM. What native code does to the child cannot hurt the tests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forks beside threads; the child only reads files
        child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        try:
            action()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def refusal(write: Callable[[], None]) -> str:
    """Return the message with which `write` gave up for want of space, or "" if it succeeded."""
    try:
        write()
    except OutOfSpaceError as error:
        return str(error)
    return ""


@dataclass
class _Node:
    """A file (bytes) or folder (name -> node): what it holds, and what of that is surely on the disk."""

    now: Any
    durable: Any

    def flush(self) -> None:
        self.durable = dict(self.now) if isinstance(self.now, dict) else self.now

    def image(self, lost: bytes, *, newest_names: bool, path: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each file below this folder after a power cut."""
        for name, node in (self.now if newest_names else self.durable).items():
            if isinstance(node.now, dict):
                yield from node.image(lost, newest_names=newest_names, path=f"{path}{name}/")
            else:
                yield path + name, node.durable + lost * (len(node.now) - len(node.durable))


@dataclass
class PowerCuts:
    """A log of writes, flushes and renames below `folder`, from which every state after a power cut can be made.

    Model: file contents survive as of their last fsync (else nothing, or zeros, follows); names survive as of the
    last fsync of their folder, or all of them (a disk may write names sooner than asked).
    """

    folder: Path
    log: list[tuple[str, Any, Any]] = field(default_factory=list)
    _open: dict[int, str] = field(default_factory=dict)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Log what the block does."""
        self.log.append(("start", self._picture(self.folder), None))
        real = {name: getattr(os, name) for name in ("open", "write", "fsync", "replace", "mkdir", "unlink")}

        def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            descriptor: int = real["open"](path, flags, *args, **kwargs)
            self._open[descriptor] = self._name(path)
            if flags & os.O_CREAT:
                self.log.append(("create", self._name(path), b""))
            return descriptor

        def writing(descriptor: int, content: Any) -> int:
            size: int = real["write"](descriptor, content)
            self.log.append(("write", self._open[descriptor], bytes(content[:size])))
            return size

        def flushing(descriptor: int) -> None:
            real["fsync"](descriptor)
            self.log.append(("flush", self._open[descriptor], None))

        def renaming(old: Any, new: Any, **kwargs: Any) -> None:
            real["replace"](old, new, **kwargs)
            self.log.append(("rename", self._name(old), self._name(new)))

        def making(path: Any, *args: Any, **kwargs: Any) -> None:
            real["mkdir"](path, *args, **kwargs)
            self.log.append(("create", self._name(path), {}))

        def unlinking(path: Any, **kwargs: Any) -> None:
            real["unlink"](path, **kwargs)
            self.log.append(("unlink", self._name(path), None))

        calls = {"open": opening, "write": writing, "fsync": flushing}
        with patch.multiple(os, replace=renaming, mkdir=making, unlink=unlinking, **calls):
            yield

    def disks(self) -> Iterator[dict[str, bytes]]:
        """Yield what may be on the disk (path -> content) after a cut behind each entry of the log."""
        for length in range(1, len(self.log) + 1):
            root = self.log[0][1]()
            for kind, name, value in self.log[1:length]:
                self._apply(root, kind, name, value)
            for newest_names in (True, False):
                for lost in (b"", b"\0"):
                    yield dict(root.image(lost, newest_names=newest_names))

    @staticmethod
    def _apply(root: _Node, kind: str, path: str, value: Any) -> None:
        def find(path: str) -> tuple[_Node, str]:
            *folders, name = path.split("/")
            node = root
            for folder in folders:
                node = node.now[folder]
            return node, name

        parent, name = find(path)
        match kind:
            case "create":
                parent.now[name] = _Node(value, type(value)())
            case "write":
                parent.now[name].now += value
            case "flush":
                (root if path == "." else parent.now[name]).flush()
            case "rename":
                node = parent.now.pop(name)
                parent, name = find(value)
                parent.now[name] = node
            case "unlink":
                parent.now.pop(name, None)

    @staticmethod
    def _picture(folder: Path) -> Callable[[], _Node]:
        """Return a maker of the tree as it stands, all of it durable."""
        contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

        def make(place: Path = folder) -> _Node:
            inside = {path.relative_to(place).parts[0] for path in contents if place in path.parents}
            nodes = {
                name: _Node(contents[place / name], contents[place / name])
                if place / name in contents
                else make(place / name)
                for name in inside
            }
            return _Node(nodes, dict(nodes))

        return make

    def _name(self, path: Any) -> str:
        return os.path.relpath(os.fspath(path), self.folder)
