"""A model and sentences of `Parts` in, outputs for them out: in one go for a whole file, each sentence once."""

from collections.abc import Sequence
from dataclasses import replace

from polyglass.config import DecodeConfig
from polyglass.errors import PolyglassError
from polyglass.text.codes import FIRST_MASK
from polyglass.text.parts import PLAIN_RULES, Output, Rules
from polyglass.translator import Translator


def rules_for(translator: Translator, rules: Rules = PLAIN_RULES) -> tuple[int, Rules]:
    """Return how long a sentence may be for a model, and rules that measure in its subwords and use its masks."""
    bundle = translator.bundle
    longest = min(bundle.model.max_positions - 1, bundle.config.data.max_length_tokens)
    subwords = bundle.subwords
    mask = chr(FIRST_MASK)
    knows_masks = any(mask in piece for piece in subwords.source_pieces(subwords.encode_source([mask])[0]))
    return longest, replace(
        rules,
        measure=lambda text: len(subwords.encode_source([text])[0]),
        method="mask" if knows_masks else "project",
    )


def translate_sentences(
    translator: Translator, sentences: Sequence[str], *, needs_alignment: Sequence[bool], options: DecodeConfig
) -> list[Output]:
    """Translate sentences, those that occur several times once. Raises PolyglassError if the model fails on one."""
    aligned: dict[str, bool] = {}
    for sentence, needed in zip(sentences, needs_alignment, strict=True):
        aligned[sentence] = aligned.get(sentence, False) or needed
    can_align = translator.bundle.model.alignment_path is not None
    wanted = [needed and can_align for needed in aligned.values()]
    answers = translator.translate_each(list(aligned), options, alignment=wanted)
    outputs: dict[str, Output] = {}
    for sentence, answer in zip(aligned, answers, strict=True):
        if isinstance(answer, PolyglassError):
            raise answer
        best = answer.candidates[0]
        outputs[sentence] = Output(best.text, best.pieces, answer.source_pieces, best.alignment)
    return [outputs[sentence] for sentence in sentences]
