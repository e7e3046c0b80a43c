"""B5: nothing reaches another machine. The whole suite runs under the rule that is tried out here."""

import os
import socket
import subprocess
import sys

import pytest
import sitecustomize as network

ELSEWHERE = ("192.0.2.1", 9)  # an address that is nobody's (RFC 5737)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_connection_to_another_machine_is_refused_and_noted(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as one:
        for reach in (lambda: one.connect(ELSEWHERE), lambda: one.connect_ex(ELSEWHERE)):
            with pytest.raises(OSError, match="tests have no network, but something wanted to reach"):
                reach()
    assert len(network.attempts) == 2
    network.attempts.clear()


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_a_process_that_a_test_starts_has_no_network_either() -> None:
    code = f"import socket; socket.create_connection({ELSEWHERE!r}, timeout=5)"
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "tests have no network" in ended.stderr
