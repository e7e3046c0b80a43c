"""A corpus with placeholders teaches the model to copy masks, and says so."""

from pathlib import Path

from polyglass.data.store import open_store
from polyglass.run.folder import RunFolder
from polyglass.run.planner import Planner, choose_protection
from polyglass.run.prepare import CorpusPaths, filter_corpus, store_corpus
from polyglass.settings import resolve


def corpus(folder: Path) -> CorpusPaths:
    lines = [f"open file {number} %s" if number % 2 else f"close window {number}" for number in range(200)]
    for side in ("en", "de"):
        (folder / f"a.{side}").write_text("".join(f"{side}{line}\n" for line in lines), encoding="utf-8")
    return CorpusPaths((folder / "a.en", folder / "a.de"))


def test_masked_copies_are_stored_beside_the_pairs(tmp_path: Path) -> None:
    paths = corpus(tmp_path)
    sizes = {}
    for protect in (False, True):
        folder = RunFolder(tmp_path / str(protect))
        folder.path.mkdir()
        config = resolve(overrides={"data.protect": protect}).config.data
        kept = filter_corpus(paths, config, folder)
        assert kept.has_placeholders()
        store_corpus(kept, paths, config, folder, size=420)
        sizes[protect] = len(open_store(folder.data / "train"))
    assert sizes == {False: 196, True: 2 * 196}


def test_the_planner_says_why_and_leaves_a_choice_alone() -> None:
    planner = Planner(resolve())
    choose_protection(planner, has_placeholders=False)
    assert (planner.config.data.protect, planner.reasons) == (None, [])
    choose_protection(planner, has_placeholders=True)
    assert planner.config.data.protect is True
    assert planner.reasons == ["placeholders in the corpus: the model also learns to copy masks that stand for them"]
    planner = Planner(resolve(overrides={"data.protect": False}))
    choose_protection(planner, has_placeholders=True)
    assert planner.config.data.protect is False
