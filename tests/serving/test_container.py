"""Dockerfile, compose file and unit: they name settings that exist, and the health check really looks at /ready."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from polyglass.serving.settings import serve_options
from serving_live import StandIn, live

ROOT = Path(__file__).resolve().parents[2]
FILES = ["Dockerfile", "docker-compose.yml", "docs/how-to/polyglass.service"]


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {option.variable for option in serve_options().values()}
    named = set(re.findall(r"POLYGLASS_\w+", (ROOT / name).read_text(encoding="utf-8")))
    assert named
    assert named - known == set()


def health_check() -> list[str]:
    content = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", content, re.MULTILINE)
    assert found
    command: list[str] = json.loads(found[1])
    return command


def test_the_health_check_succeeds_only_while_the_server_is_ready() -> None:
    with live(StandIn()) as server:
        command = [sys.executable, *health_check()[1:]]
        environment = {**os.environ, "POLYGLASS_SERVE_PORT": str(server.port)}
        assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0
        server.site.gate.draining = True
        assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode != 0


def test_nobody_runs_it_with_rights_and_a_container_is_left_time_to_finish() -> None:
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 10001$", docker, re.MULTILINE)
    assert docker.index("USER 10001") < docker.index("ENTRYPOINT")
    needed = sum(serve_options()[f"serve.{name}"].default for name in ("grace_seconds", "drain_seconds"))
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    unit = (ROOT / "docs/how-to/polyglass.service").read_text(encoding="utf-8")
    for content, pattern in ((compose, r"stop_grace_period: (\d+)s"), (unit, r"TimeoutStopSec=(\d+)")):
        found = re.search(pattern, content)
        assert found
        assert int(found[1]) > needed
