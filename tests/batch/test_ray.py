"""Ray Data: actors die, and still every line is there once. Skipped where Ray is not installed."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from batch_world import Shouter, errand, write_lines
from polyglass.batch.errand import Errand, Tally
from polyglass.batch.join import join
from polyglass.batch.ray_engine import Crew, translate_with_ray
from polyglass.batch.work import Search, Worker
from polyglass.errors import DataError, PolyglassError
from polyglass.translator import Translation, Translator

ray: Any = pytest.importorskip("ray", reason="Ray is not installed: pip install polyglass[distributed]")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(400)]
KILLS = 3  # ten: benchmarks/kill_translation.py --ray
CREW = Crew(workers=2)


class Mortal(Shouter):
    """Kills its own process (-9) the first time that it meets a marked text."""

    def __init__(self, graves: Path) -> None:
        super().__init__()
        self.graves = graves

    def translate(self, texts: Sequence[str], *, prefix: Any = None, **options: Any) -> list[Translation]:
        for text in texts:
            grave = self.graves / text
            if "deadly" in text and not grave.exists():
                grave.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if "hopeless" in text:
                raise PolyglassError("The model failed on text 1.")
        return super().translate(texts, prefix=prefix, **options)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster of two cores that can import what the tests import."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    paths = os.pathsep.join(map(str, (Path(__file__).parents[1], Path(__file__).parents[2] / "src")))
    environment = {"env_vars": {"PYTHONPATH": paths}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    yield
    ray.shutdown()


def mortal(graves: Path) -> Worker:
    return Worker(cast(Callable[[], Translator], partial(Mortal, graves)), Search())


def finish(one: Errand) -> None:
    join(one.folder, one.output)


def quiet(tally: Tally) -> None:
    """Say nothing."""


def test_actors_that_are_killed_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    texts = [[f"{'deadly' if n % 25 == 15 and n < 60 - 30 * k else 'line'} {k} {n}" for n in range(60)] for k in (0, 1)]
    sources = [write_lines(tmp_path / f"in{k}", *texts[k]) for k in (0, 1)]
    (tmp_path / "graves").mkdir()
    tasks, tally = [errand(one, one.with_name(f"{one.name}.out")) for one in sources], list[int]()
    worker = mortal(tmp_path / "graves")
    translate_with_ray(tasks, worker, lambda now: tally.append(now.lines), crew=CREW, finish=finish)
    assert len(list((tmp_path / "graves").iterdir())) == KILLS
    for task, lines in zip(tasks, texts, strict=True):
        assert task.output.read_text(encoding="utf-8") == "".join(f"{line.upper()}\n" for line in lines)
    assert tally == list(range(2, 121, 2))


def test_what_goes_wrong_in_an_actor_is_said_here_and_finished_parts_are_kept(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in", *(f"line {n}" for n in range(40)), "hopeless", *("more" for _ in range(9)))
    task, worker = errand(source, tmp_path / "out"), mortal(tmp_path)
    with pytest.raises(PolyglassError, match=r"in, from line 41 on: The model failed on text 1"):
        translate_with_ray([task], worker, quiet, crew=CREW, finish=finish)
    kept = task.folder.numbers()
    assert len(kept) >= 10
    text = source.read_text(encoding="utf-8").replace("hopeless", "mended")
    source.write_text(text, encoding="utf-8")
    tallies = list[Tally]()
    translate_with_ray([task], worker, tallies.append, crew=CREW, finish=finish)
    assert (tallies[-1].kept_parts, tallies[-1].parts) == (len(kept), 25 - len(kept))
    assert task.output.read_text(encoding="utf-8") == text.upper()


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\nb\nc\xff\n")
    with pytest.raises(DataError, match=r"in:3: byte 0xFF at column 2 is not UTF-8"):
        translate_with_ray(
            [errand(tmp_path / "in", tmp_path / "out")], mortal(tmp_path), quiet, crew=CREW, finish=finish
        )
