"""Load for a server: raw connections that send prepared requests at prepared times, and note every answer.

Open loop: a request is sent at its time whether or not the ones before it were answered, so that a slow server cannot
slow its own load down. Nothing but asyncio streams: a real client would need more of the machine than the server.
"""

import asyncio
import json
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Answers:
    """What came back: HTTP status (0: the connection broke) and seconds of each request."""

    seen: list[tuple[int, float]] = field(default_factory=list)

    def times(self, status: int) -> list[float]:
        """Return the seconds of all answers with this status, sorted."""
        return sorted(seconds for found, seconds in self.seen if found == status)

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers had each status."""
        return dict(sorted(Counter(status for status, _ in self.seen).items()))


def quantile(times: Sequence[float], share: float) -> float:
    """Return the value that `share` of the sorted times do not exceed; NaN without times."""
    return times[min(len(times) - 1, math.ceil(share * len(times)) - 1)] if times else math.nan


def request_of(text: str, source: str, target: str) -> bytes:
    """Return the bytes of a request for one sentence."""
    body = json.dumps({"texts": [text], "source": source, "target": target}).encode()
    head = (
        "POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One kept-alive connection, opened again when it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request, read the whole answer, and return its status; 0 if the connection broke."""
        fresh = self._streams is None
        status = await self._try(request)
        if status == 0 and not fresh:  # the server had closed an idle connection: as browsers do, ask once more
            status = await self._try(request)
        return status

    async def close(self) -> None:
        """Close it."""
        if self._streams:
            self._streams[1].close()
            with suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None

    async def _try(self, request: bytes) -> int:
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if b"connection: close" in lower:
                await self.close()
            return int(head[9:12])
        except (OSError, asyncio.IncompleteReadError, ValueError):
            await self.close()
            return 0


async def closed_loop(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> Answers:
    """Let `clients` send one request after the other for some seconds."""
    answers, until = Answers(), time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection, place = Connection(port), number * len(requests) // clients
        while time.perf_counter() < until:
            began = time.perf_counter()
            status = await connection.ask(requests[place % len(requests)])
            answers.seen.append((status, time.perf_counter() - began))
            place += 1
        await connection.close()

    await asyncio.gather(*map(client, range(clients)))
    return answers


async def open_loop(port: int, requests: Sequence[bytes], *, rate: float, seconds: float, seed: int) -> Answers:
    """Send requests at random times, `rate` a second on the average (Poisson), each on a connection that is free."""
    dice, answers, free = random.Random(seed), Answers(), list[Connection]()
    began, at, tasks = time.perf_counter(), 0.0, set[asyncio.Task[None]]()

    async def one(request: bytes, due: float) -> None:
        connection = free.pop() if free else Connection(port)
        status = await connection.ask(request)
        answers.seen.append((status, time.perf_counter() - due))
        free.append(connection)

    place = dice.randrange(len(requests))
    while (at := at + dice.expovariate(rate)) < seconds:
        if (wait := began + at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        elif place % 50 == 0:
            await asyncio.sleep(0)  # behind its time: let answers in all the same
        place += 1
        task = asyncio.create_task(one(requests[place % len(requests)], began + at))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.wait(set(tasks))
    for connection in free:
        await connection.close()
    return answers


@asynccontextmanager
async def serving(command: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a server until the block ends; it must end by itself then."""
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield server
    finally:
        if server.returncode is None:
            server.terminate()
        await asyncio.wait_for(server.wait(), 60)


async def port_of(server: asyncio.subprocess.Process) -> int:
    """Return the port from the server's first line, which comes when it is ready."""
    assert server.stdout is not None
    line = (await asyncio.wait_for(server.stdout.readline(), 120)).decode()
    if "http://" not in line:
        raise SystemExit("the server did not start")
    drain = asyncio.ensure_future(server.stdout.read())
    drain.add_done_callback(lambda _: None)
    return int(line.rstrip().rpartition(":")[2])
