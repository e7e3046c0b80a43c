"""Model folders in, translators by language pair out: which models are loaded, and which way leads from A to B."""

import math
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import ValidationError

from polyglass.config import DecodeConfig
from polyglass.documents.translate import rules_for
from polyglass.errors import InputError
from polyglass.parameters import parameters_by_part
from polyglass.serving.languages import fold
from polyglass.serving.orders import Sentence
from polyglass.serving.refusals import Refusal, bad_field, not_found
from polyglass.translator import Translation, Translator

FAILURES_UNTIL_NOT_READY = 3


@dataclass(frozen=True)
class Wishes:
    """What a request asks of the search; None: as the model prefers. max_len: most tokens of a translation."""

    beam: int | None = None
    n_best: int | None = None
    length_penalty: float | None = None
    max_len: int | None = None
    sample: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None

    @cached_property
    def changes(self) -> Mapping[str, object]:
        """Options of `DecodeConfig` and their values."""
        named = {
            "beam_size": self.beam,
            "n_best": self.n_best,
            "length_penalty": self.length_penalty,
            "sample": self.sample,
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "seed": self.seed,
        }
        found = {name: value for name, value in named.items() if value is not None}
        if self.max_len is not None:
            found |= {"max_length_factor": 1e-9, "max_length_extra": self.max_len}
        return found


@dataclass(frozen=True)
class Group:
    """What may be decoded together: one model, one set of options."""

    model: "Model"
    options: DecodeConfig
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((id(self.model), self.options)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def width(self) -> int:
        """Rows that each sentence takes in the search."""
        return self.options.n_best if self.options.sample else self.options.beam_size


class Model:
    """A loaded model. Its numbers belong to the model thread; lengths may be asked for on any thread.

    longest: subwords of the longest sentence that it takes. method: how placeholders travel through it.
    """

    def __init__(self, name: str, translator: Translator, *, batch_tokens: int) -> None:
        self.name = name
        self.translator = translator
        self.source, self.target = translator.bundle.source_lang, translator.bundle.target_lang
        self.longest = min(translator.bundle.model.max_positions - 1, translator.bundle.config.data.max_length_tokens)
        self.method = rules_for(translator)[1].method
        self.family = translator.bundle.config.model.family
        self.parameters = sum(parameters_by_part(translator.bundle.model).values())
        self._batch_tokens = batch_tokens
        self._failures = 0
        self._last_success = -math.inf
        self.group = lru_cache(maxsize=256)(self._group)

    @property
    def failing(self) -> bool:
        """Whether it failed on one sentence after the other and has not recovered."""
        return self._failures >= FAILURES_UNTIL_NOT_READY

    def worked_within(self, seconds: float) -> bool:
        """Whether it has decoded a sentence so lately, and is not failing."""
        return not self.failing and time.monotonic() - self._last_success <= seconds

    def tokens(self, text: str) -> int:
        """Return the length of a text in subwords."""
        return len(self.translator.bundle.subwords.encode_source([text])[0])

    def measure(self, text: str) -> int:
        """Return the length in subwords of a text that may be too long; of others, an upper bound that costs nothing.

        In ASCII no subword is shorter than a letter, and one may be put before the text.
        """
        return len(text) + 1 if text.isascii() and len(text) < self.longest else self.tokens(text)

    def _group(self, wishes: Wishes) -> Group:
        return Group(self, options_of(self.translator.bundle.config.decode, wishes, batch_tokens=self._batch_tokens))

    def translate(self, options: DecodeConfig, sentences: Sequence[Sentence]) -> list[Translation | Exception]:
        """Translate on the model thread; a sentence that the model fails on has its error in its place."""
        texts = [sentence.text for sentence in sentences]
        begun = [sentence.prefix for sentence in sentences] if any(one.prefix for one in sentences) else None
        wanted = [sentence.alignment for sentence in sentences]
        answers: list[Translation | Exception] = []
        answers += self.translator.translate_each(texts, options, prefix=begun, alignment=wanted)
        for answer in answers:
            failed = isinstance(answer, Exception) and not isinstance(answer, InputError)
            self._failures = self._failures + 1 if failed else 0
            if isinstance(answer, Translation) and answer.source_pieces:
                self._last_success = time.monotonic()
        return answers


def options_of(own: DecodeConfig, wishes: Wishes, *, batch_tokens: int) -> DecodeConfig:
    """Return a model's own options as a request wishes them. Raises Refusal for impossible ones."""
    changes = {"n_best": 1, **wishes.changes, "batch_tokens": batch_tokens}
    if not changes.get("sample") and "beam_size" not in changes:
        changes["beam_size"] = max(own.beam_size, wishes.n_best or 1)
    try:
        return DecodeConfig.model_validate(own.model_dump() | changes, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = str(first["loc"][0]).replace("beam_size", "beam") if first["loc"] else "beam"
        message = first["msg"].removeprefix("Value error, ").replace("decode.", "").rstrip(".")
        raise bad_field(f"{place}: {message}.") from None


def translate_group(group: Hashable, sentences: Sequence[Sentence]) -> list[Translation | Exception]:
    """Translate a batch of the batcher."""
    assert isinstance(group, Group)
    return group.model.translate(group.options, sentences)


class Shelf:
    """All loaded models, the first of each language pair first."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(models)
        self._pairs: dict[tuple[str, str], Model] = {}
        for model in self.models:
            self._pairs.setdefault((model.source, model.target), model)
        self.sources = tuple(dict.fromkeys(source for source, _ in self._pairs))
        self.targets = tuple(dict.fromkeys(target for _, target in self._pairs))

    def named(self, name: str) -> Model:
        """Return the model of this name. Raises Refusal."""
        for model in self.models:
            if model.name == name:
                return model
        names = ", ".join(model.name for model in self.models)
        raise not_found("There is no model of that name.", hint=f"The models are {names}.")

    def route(self, source: str, target: str) -> tuple[Model, ...]:
        """Return the models that lead from one language to the other: one, or two through a common language.

        Empty if none do, or none are needed. The codes are those of loaded models.
        """
        if source == target:
            return ()
        if direct := self._pairs.get((source, target)):
            return (direct,)
        for (start, middle), first in self._pairs.items():
            second = self._pairs.get((middle, target))
            if start == source and second:
                return first, second
        return ()

    def reachable(self, source: str) -> list[str]:
        """Return the languages that a text in this one can be translated to."""
        return [target for target in self.targets if target != source and self.route(source, target)]

    def source(self, code: str) -> str:
        """Return the loaded source language that a code means. Raises Refusal."""
        return self._known(code, self.sources, "source")

    def target(self, code: str) -> str:
        """Return the loaded target language that a code means. Raises Refusal."""
        return self._known(code, self.targets, "target")

    def _known(self, code: str, codes: Sequence[str], word: str) -> str:
        found = fold(code, codes)
        if found is None:
            raise Refusal(
                422,
                "unknown_language",
                f"{word}: no loaded model has this language.",
                hint=f"The {word} languages are {', '.join(codes)}.",
            )
        return found


def find_folders(paths: Iterable[Path]) -> list[Path]:
    """Return the model folders among paths; one that is no model stands for those that it holds.

    A path that holds none is returned as it is: loading it says what is wrong with it.
    """
    found: list[Path] = []
    for path in paths:
        inner = [] if (path / "config.json").exists() or not path.is_dir() else sorted(path.iterdir())
        found += [one for one in inner if (one / "config.json").exists()] or [path]
    return found


def load_models(folders: Sequence[Path], *, device: str, batch_tokens: int) -> Shelf:
    """Load all models. Raises BundleError naming the folder that is no whole model, ConfigError for the device."""
    models: list[Model] = []
    for folder in folders:
        name = folder.resolve().name
        taken = {model.name for model in models}
        if name in taken:
            name = next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)
        models.append(Model(name, Translator.load(folder, device=device), batch_tokens=batch_tokens))
    return Shelf(models)
