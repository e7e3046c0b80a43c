"""No test, and no Python process that a test starts, connects to another machine (B5).

Python runs this file when it starts, because tests/conftest.py puts its folder first on PYTHONPATH.
"""

import sys
from typing import Any

attempts: list[str] = []
"""Connections that this process tried to make."""


def is_here(address: Any) -> bool:
    """True for this machine, and for what is no address of the internet."""
    host = address[0] if isinstance(address, tuple) and address else address
    if not isinstance(host, str) or not isinstance(address, tuple):  # a socket of the file system, or none
        return True
    return host in ("localhost", "::1", "::", "0.0.0.0", "") or host.startswith(("127.", "::ffff:127."))


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to connect or send elsewhere."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and not is_here(arguments[1]):
        attempts.append(f"{event} {arguments[1]!r}")
        raise OSError(f"tests have no network, but something wanted to reach {arguments[1]!r}")


sys.addaudithook(refuse)
