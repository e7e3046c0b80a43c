"""What a person asked `compare` for: models, corpus, what is held equal. Two comparisons of the same terms are one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyglass.config import Config
from polyglass.errors import ConfigError, InputError
from polyglass.experiments.compare_contestants import ATTENTION, FAMILY, OURS, Contestant
from polyglass.experiments.compare_defaults import Equal
from polyglass.files import sha256_of
from polyglass.options import options_of, show
from polyglass.run.prepare import CorpusPaths
from polyglass.settings import Given, Settings, resolve

MOST_SEEDS = 50


@dataclass(frozen=True)
class Terms:
    """One comparison as it was asked for.

    common: the options that were given for all; each contestant takes those that its family has. equal: what is held
    equal beside data and tokenizer. budget_seconds: of training, for each run; None if `steps` says how long.
    parameters: the count to reach with equal="parameters"; None: that of the first contestant. models_given: what
    the contestants were read from, for people.
    """

    paths: CorpusPaths
    contestants: tuple[Contestant, ...]
    seeds: int
    equal: Equal
    budget_seconds: float | None
    steps: int | None
    parameters: int | None = None
    preset: str | None = None
    common: tuple[Given, ...] = ()
    models_given: str = ""

    def check(self) -> None:
        """Raise InputError or ConfigError if the terms contradict each other."""
        if not self.paths.train:
            raise InputError("compare needs a corpus: polyglass compare SOURCE TARGET --out FOLDER")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ConfigError(f"--seeds must be 1 to {MOST_SEEDS}, but it is {self.seeds}.")
        if self.equal == "time" and self.steps is not None:
            raise ConfigError(
                "--steps holds the number of updates equal, but --equal is time. Give --equal steps, or --budget TIME "
                "instead of --steps."
            )
        if self.steps is not None and self.budget_seconds is not None:
            raise ConfigError("--budget and --steps both say how long a run trains. Give one of them.")
        if self.parameters is not None and self.equal != "parameters":
            raise ConfigError(f"--parameters needs --equal parameters, but --equal is {self.equal}.")
        for given in self.common:
            if given.name in OURS:
                raise ConfigError(
                    f"{given.name} ({given.origin}) is the comparison's own affair. "
                    "Use --seeds, and --budget or --steps."
                )
            if given.name in (FAMILY, ATTENTION):
                raise ConfigError(
                    f"{given.name} ({given.origin}) is what the models differ in. Name the models: --models ..."
                )
        self._check_families()

    def _check_families(self) -> None:
        """Raise ConfigError for an option that no contestant's family has."""
        families = {contestant.family for contestant in self.contestants}
        for given in self.common:
            option = options_of(Config).get(given.name)
            if option is not None and option.families and not families & set(option.families):
                raise ConfigError(
                    f"{given.name} ({given.origin}) belongs to {', '.join(option.families)}, and none of these takes "
                    f"part. Leave it out."
                )

    def data_settings(self) -> Settings:
        """Return the settings that the corpus is prepared with, which are those of no contestant."""
        return resolve(preset=self.preset, flags=[one for one in self.common if one.name.startswith("data.")])

    def settle(self, contestant: Contestant, preset: str | None = None) -> Settings:
        """Return a contestant's settings. preset: what it starts from if nobody named one. Raises ConfigError."""
        chosen = contestant.preset or self.preset or preset
        options = options_of(Config)
        common = [
            given
            for given in self.common
            if given.name not in options
            or not options[given.name].families
            or contestant.family in options[given.name].families
        ]
        own = [Given(name, value, f"model {contestant.name}") for name, value in contestant.options]
        return resolve(preset=chosen, flags=[*common, *own])

    def as_json(self) -> dict[str, Any]:
        """Return what compare.json keeps of the terms, files by the SHA-256 of their content."""
        paths = self.paths
        files = {"train": paths.train, "valid": paths.valid, "test": paths.test}
        options = options_of(Config)
        given = {
            one.name: options[one.name].parse(one.value)
            if isinstance(one.value, str) and one.name in options
            else one.value
            for one in self.common
        }
        return {
            "files": {part: [_file(path) for path in some] for part, some in files.items()},
            "languages": [paths.source_lang, paths.target_lang],
            "errors": paths.errors,
            "models": {one.name: {"preset": one.preset, "options": dict(one.options)} for one in self.contestants},
            "models_given": self.models_given,
            "order": [one.name for one in self.contestants],
            "seeds": self.seeds,
            "equal": self.equal,
            "budget_seconds": self.budget_seconds,
            "steps": self.steps,
            "parameters": self.parameters,
            "preset": self.preset,
            "options": given,
        }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what differs between the terms of two comparisons, each as `Terms.as_json` has it; paths may differ."""
    return [*_differing_files(before["files"], now["files"]), *_differing_values(before, now)]


_FLAGS = {
    "errors": "--errors",
    "seeds": "--seeds",
    "equal": "--equal",
    "budget_seconds": "--budget, in seconds",
    "steps": "--steps",
    "parameters": "--parameters",
    "preset": "--preset",
}


def _differing_values(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, flag in _FLAGS.items():
        if before[name] != now[name]:
            yield f"{flag}: {show(before[name])} before, {show(now[name])} now"
    if list(before["languages"]) != list(now["languages"]):
        yield f"languages: {_joined(before['languages'])} before, {_joined(now['languages'])} now"
    for name in dict.fromkeys([*before["models"], *now["models"]]):
        old, new = before["models"].get(name), now["models"].get(name)
        if old is None or new is None:
            yield f"model {name}: {'not there' if old is None else 'there'} before"
        elif old != new:
            yield f"model {name}: {show(old)} before, {show(new)} now"
    if set(before["order"]) == set(now["order"]) and before["order"] != now["order"]:
        yield f"order of the models: {', '.join(before['order'])} before"
    for name in dict.fromkeys([*before["options"], *now["options"]]):
        old, new = before["options"].get(name), now["options"].get(name)
        if old != new:
            yield f"{name}: {_given(old)} before, {_given(new)} now"


def _differing_files(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for part, files in before.items():
        if [file["sha256"] for file in files] != [file["sha256"] for file in now[part]]:
            names = [_joined(file["path"] for file in some) for some in (files, now[part])]
            changed = f"{names[0]} before, {names[1]} now" if names[0] != names[1] else f"{names[0]} has changed"
            yield f"{part} corpus: {changed}"


def _given(value: object) -> str:
    return "not given" if value is None else show(value)


def _joined(names: Any) -> str:
    return ", ".join(str(name) for name in names if name) or "none"


def _file(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise InputError(f"cannot open {path}: there is no such file. Check the name.")
    return {"path": str(path), "sha256": sha256_of(path)}
