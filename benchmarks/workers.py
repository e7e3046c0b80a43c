"""A system under test in a process of its own: asked and answered in JSON lines, so that systems can take turns."""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO


class Worker:
    """A process that answers questions until its input ends. start_seconds: until its first answer."""

    def __init__(self, system: str, command: Sequence[str], *, first: dict[str, Any]) -> None:
        began = time.perf_counter()
        self.system = system
        self._command = command
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.ask(first)
        self.start_seconds = time.perf_counter() - began

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer; raises SystemExit if the process has ended."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both are pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.system} ended early; its command: {' '.join(self._command)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]], questions: TextIO, answers: TextIO) -> int:
    """Answer questions, a JSON line each, until there are no more."""
    for line in questions:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()
    return 0
