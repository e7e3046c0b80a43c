"""The trials of `position`: train with one kind of positions, then score it by length, and on sources out of order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from polyglass.bundle import Bundle
from polyglass.config import Config
from polyglass.data.batch import collate, pad
from polyglass.data.subwords import Subwords
from polyglass.errors import ShapeError
from polyglass.experiments.families import NUM_HEADS
from polyglass.experiments.position_order import decoder_changes, encoder_change
from polyglass.experiments.position_text import MAX_POSITIONS, Group, bounded_lesson, shuffled
from polyglass.experiments.results import Measure
from polyglass.experiments.text_scores import cost_of, held_out_loss, score_at, translated
from polyglass.experiments.trial import train_trial, trial_config
from polyglass.experiments.window_text import Text
from polyglass.experiments.window_trials import CHRF
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.translator import Translator

PLACE_ACCURACY, LOSS = "accuracy at a place", "held-out loss"
TABLE, SHUFFLED = "table ends, ", "shuffled, "  # before the name of a measure
CUT, REFUSED = "cut sources", "refused"
ENCODER, DECODER, SAME = "change of the encoder", "change of the decoder", "same translation"
PLACES = 4  # target places that are counted together
FEWEST = 40  # tokens that a share must be of

Measures = tuple[Sequence[Measure], str]


@dataclass(frozen=True)
class Kind:
    """What tells a model the order of words. name: as in `model.positions`. label: for people."""

    name: str
    label: str


KINDS = (
    Kind("sinusoidal", "sinusoidal"),
    Kind("learned", "learned"),
    Kind("rotary", "rotary"),
    Kind("none", "no positions"),
)


@dataclass(frozen=True)
class Effort:
    """How much is trained and tested. sentences: test pairs of each length."""

    steps: int
    rate: float
    batch_tokens: int
    width: int
    layers: int
    sentences: int


@dataclass(frozen=True)
class Schooling:
    """What every trial of one experiment shares. longest: tokens of the longest training row, eos included."""

    train: tuple[Text, ...]
    groups: tuple[Group, ...]
    subwords: Subwords
    longest: int
    effort: Effort
    device: torch.device


def config_of(kind: Kind, effort: Effort, *, seed: int, max_positions: int = MAX_POSITIONS) -> Config:
    """Return the config of a training: the same for all kinds but for `model.positions`."""
    options: dict[str, object] = {
        "model.family": "transformer",
        "model.norm_place": "pre",
        "model.d_model": effort.width,
        "model.d_ff": 2 * effort.width,
        "model.num_heads": NUM_HEADS,
        "model.encoder_layers": effort.layers,
        "model.decoder_layers": effort.layers,
        "model.dropout": 0.1,
        "model.positions": kind.name,
        "model.max_positions": max_positions,
        "train.batch_tokens": effort.batch_tokens,
        "train.learning_rate": effort.rate,
        "train.label_smoothing": 0.1,
    }
    return trial_config(options, seed=seed, steps=effort.steps)


def position_trial(kind: Kind, school: Schooling, *, seed: int) -> Measures:
    """Train one model, and measure everything about it."""
    config = config_of(kind, school.effort, seed=seed)
    lesson = bounded_lesson(school.train, school.subwords, longest=school.longest, seed=seed)
    trained = train_trial(config, lesson, device=school.device)
    model, first = trained.model, school.groups[0]
    outputs = [translated(model, school.subwords, group.sources) for group in school.groups]
    measures = cost_of(trained)
    for group, translations in zip(school.groups, outputs, strict=True):
        measures += score_at(group.tokens, translations, group.references)
    beyond = [group for group in school.groups if _is_beyond(group, school.longest)]
    measures += place_accuracy(model, beyond)
    measures += _order_measures(model, school, first, outputs[0], seed=seed)
    if kind.name == "learned":
        cut = with_table_of(model, config, school)
        measures += _table_measures(cut, school)
    chrf = [measure.y for measure in measures if measure.what == CHRF]
    return measures, f"chrF {chrf[0]:.1f} for one sentence, {chrf[-1]:.1f} for the longest"


def place_accuracy(model: Seq2Seq, groups: Sequence[Group]) -> list[Measure]:
    """Return the share of target tokens that are named rightly when those before are given, by place in the target.

    PLACES places are counted together; a share stands at their middle, counted from 1.
    """
    right: dict[int, int] = {}
    total: dict[int, int] = {}
    for group in groups:
        for source, target in zip(group.sources, group.targets, strict=True):
            for place, good in enumerate(_named(model, source, target)):
                right[place // PLACES] = right.get(place // PLACES, 0) + good
                total[place // PLACES] = total.get(place // PLACES, 0) + 1
    return [
        Measure(PLACE_ACCURACY, bin * PLACES + (PLACES + 1) / 2, right[bin] / count)
        for bin, count in sorted(total.items())
        if count >= FEWEST
    ]


def with_table_of(model: Seq2Seq, config: Config, school: Schooling) -> Translator:
    """Return the same model with learned positions as one that was built for the trained lengths and no more.

    Its table of positions has one row for each place that training showed.
    """
    short = config.model_copy(update={"model": config.model.model_copy(update={"max_positions": school.longest})})
    copy = build_model(short.model, (school.subwords.source_size, school.subwords.target_size), school.subwords.ids)
    copy = copy.to(model.device)
    own = copy.state_dict()
    weights = model.state_dict()
    copy.load_state_dict({name: weights[name][: len(value)] for name, value in own.items()})
    return Translator(Bundle(short, copy.eval(), school.subwords, "source", "target", {}))


def _table_measures(translator: Translator, school: Schooling) -> Iterator[Measure]:
    """What a table that ends does: the model refuses longer rows; the translator cuts them and says so."""
    for group in school.groups:
        found = translator.translate([source for source, _ in group.texts], beam_size=1)
        scores = score_at(group.tokens, [one.text for one in found], group.references)
        yield from (replace(measure, what=TABLE + measure.what) for measure in scores)
        cut = sum(one.cut_tokens > 0 for one in found) / len(found)
        yield Measure(CUT, group.tokens, cut)
    model = translator.bundle.model
    source = [model.ids.eos] * (school.longest + 1)
    try:
        model.encode(pad([source], model.ids.pad).to(model.device))
    except ShapeError:
        yield Measure(REFUSED, 0, 1.0)


def _order_measures(
    model: Seq2Seq, school: Schooling, group: Group, outputs: Sequence[str], *, seed: int
) -> Iterator[Measure]:
    """What becomes of vectors, loss and translations when tokens stand in another order."""
    random = np.random.default_rng([seed, 2])
    mixed = [shuffled(source, random) for source in group.sources]
    sources = [row for row, _ in mixed]
    yield Measure(ENCODER, 0, encoder_change(model, group.sources, [order for _, order in mixed]))
    for layer, change in decoder_changes(model, group.sources, group.targets, random).items():
        yield Measure(DECODER, layer, change)
    again = translated(model, school.subwords, sources)
    yield from (replace(measure, what=SHUFFLED + measure.what) for measure in score_at(0, again, group.references))
    yield Measure(SAME, 0, sum(one == other for one, other in zip(outputs, again, strict=True)) / len(again))
    yield Measure(LOSS, 0, held_out_loss(model, group.sources, group.targets))
    yield Measure(SHUFFLED + LOSS, 0, held_out_loss(model, sources, group.targets))


@torch.inference_mode()
def _named(model: Seq2Seq, source: Sequence[int], target: Sequence[int]) -> list[bool]:
    """Say of each target token, eos included, whether it is the likeliest one."""
    batch = collate([source], [target], model.ids, [0]).to(model.device)
    named = model(batch.source, batch.target_in).argmax(dim=-1)
    found: list[bool] = (named == batch.target_out)[0].tolist()
    return found


def _is_beyond(group: Group, longest: int) -> bool:
    return min(map(len, group.sources)) >= longest
