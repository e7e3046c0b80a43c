"""A search's result in, the model's inner numbers out: hypotheses are fed to the model once more, with a tap.

Search stays fast because nobody looks; the replay is honest because `decode(y)` equals `step` token by token (the law
of `Seq2Seq`), so the numbers are those that the search saw.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from polyglass.data.batch import pad
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.model.seq2seq import Seq2Seq
from polyglass.tap import Recorder, Tap

Alignment = tuple[tuple[float, ...], ...]


@torch.inference_mode()
def replay(
    model: Seq2Seq, sources: Sequence[Sequence[int]], hypotheses: Sequence[Hypothesis], *, keep: tuple[str, ...]
) -> dict[str, Tensor]:
    """Return the tensors whose tap path matches one of `keep`, one row for each source and its hypothesis.

    sources: token ids, eos included. The decoder reads bos and all but the last token of the hypothesis, so its row i
    is where token i was predicted.
    """
    recorder = Recorder(keep)
    read_again(model, sources, [hypothesis.ids for hypothesis in hypotheses], tap=recorder)
    return recorder.tensors


def read_again(
    model: Seq2Seq, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], *, tap: Tap
) -> Float[Tensor, "B T V"]:
    """Return the logits with which the model wrote `targets`, and show the tap everything on the way.

    sources: eos included. targets: without bos; row i of the logits is where token i was predicted.
    """
    source = pad(sources, model.ids.pad).to(model.device)
    target_in = pad([(model.ids.bos, *target[:-1]) for target in targets], model.ids.pad)
    logits: Tensor = model(source, target_in.to(model.device), tap=tap)
    return logits


def align(model: Seq2Seq, sources: Sequence[Sequence[int]], hypotheses: Sequence[Hypothesis]) -> list[Alignment | None]:
    """Say for each hypothesis how much each of its tokens (rows) looked at each source token (columns, eos included).

    It is the mean over the heads of the attention that the model names as closest to a word alignment. Attention is
    not alignment: take it as a hint. A model without attention looks nowhere: then there is None for each hypothesis.
    """
    path = model.alignment_path
    if path is None:
        return [None] * len(hypotheses)
    weights = replay(model, sources, hypotheses, keep=(path,))[path].mean(dim=1).tolist()  # [N, T, S]
    return [
        tuple(tuple(row[: len(source)]) for row in table[: len(hypothesis.ids)])
        for table, source, hypothesis in zip(weights, sources, hypotheses, strict=True)
    ]
