"""Finished trials: kept one file each, read back, and never mixed with others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.errors import InputError
from polyglass.experiments.results import Finished, Measure, Results, TrialFolder, _file_name, fingerprint

TRIAL = Finished("copy", "rnn", 1, 2.5, (Measure("accuracy", 4, 0.5), Measure("accuracy", 8, 0.25)), "a note")


def test_a_trial_is_there_after_a_new_start(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trials", "abc")
    folder.load()
    folder.save(TRIAL)
    results = TrialFolder(tmp_path / "trials", "abc").load()
    assert results.of("copy") == [TRIAL]
    assert results.has("copy", "rnn", 1)
    assert not results.has("copy", "rnn", 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_kept_as_it_is(tmp_path: Path, value: float) -> None:
    folder = TrialFolder(tmp_path / "trials", "abc")
    folder.load()
    folder.save(Finished("a", "b", 1, 0.0, (Measure("loss", 1, value),)))
    assert repr(folder.load().of("a")[0].measures[0].y) == repr(value)


def test_a_damaged_trial_is_measured_again(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trials", "abc")
    folder.load()
    folder.save(TRIAL)
    (path,) = (tmp_path / "trials").glob("*.json")
    path.write_bytes(path.read_bytes()[:-20])
    assert not folder.load().has("copy", "rnn", 1)


def test_trials_of_other_settings_are_refused(tmp_path: Path) -> None:
    TrialFolder(tmp_path / "trials", "abc").load()
    TrialFolder(tmp_path / "trials", "abc").save(TRIAL)
    rule = "must be a new folder or hold the same experiment, but its trials were made with other settings"
    with pytest.raises(InputError, match=rf"{rule}.* Choose another --out, or remove it\."):
        TrialFolder(tmp_path / "trials", "other").load()


def test_values_come_by_x_with_one_y_for_each_repeat() -> None:
    second = Finished("copy", "rnn", 2, 1.0, (Measure("accuracy", 8, 0.5), Measure("loss", 1, 9.0)))
    results = Results([second, TRIAL])
    assert results.values("copy", "rnn", "accuracy") == {4: [0.5], 8: [0.25, 0.5]}
    assert results.repeats("copy") == 2
    assert results.values("copy", "lstm", "accuracy") == {}


def test_a_fingerprint_is_of_every_fact() -> None:
    assert len({fingerprint(facts) for facts in (["a", "b"], ["a"], ["b", "a"], ["ab"])}) == 4


@given(st.text(), st.text(), st.integers(1, 99))
def test_a_name_of_a_file_fits_every_disk(part: str, case: str, repeat: int) -> None:
    name = _file_name(Finished(part, case, repeat, 0.0, ()))
    assert name.isascii()
    assert len(name) < 100
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
