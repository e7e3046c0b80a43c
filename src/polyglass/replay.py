"""A search's result in, the model's inner numbers out: hypotheses are fed to the model once more, with a tap.

Search stays fast because nobody looks; the replay is honest because `decode(y)` equals `step` token by token (the law
of `Seq2Seq`), so the numbers are those that the search saw.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from polyglass.config import ModelConfig
from polyglass.data.batch import pad
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.model.seq2seq import Seq2Seq
from polyglass.tap import Recorder

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
    source = pad(sources, model.ids.pad).to(model.device)
    target_in = pad([(model.ids.bos, *hypothesis.ids[:-1]) for hypothesis in hypotheses], model.ids.pad)
    model(source, target_in.to(model.device), tap=recorder)
    return recorder.tensors


def align(
    model: Seq2Seq, config: ModelConfig, sources: Sequence[Sequence[int]], hypotheses: Sequence[Hypothesis]
) -> list[Alignment]:
    """Say for each hypothesis how much each of its tokens (rows) looked at each source token (columns, eos included).

    It is the mean over the heads of the last decoder layer but one, in which the attention of a Transformer comes
    closest to a word alignment (Garg et al. 2019, §4.1 and table 1). Attention is not alignment: take it as a hint.
    """
    layer = max(0, config.decoder_layers - 2)
    path = f"decoder.layers.{layer}.cross_attention.weights"
    weights = replay(model, sources, hypotheses, keep=(path,))[path].mean(dim=1).tolist()  # [N, T, S]
    return [
        tuple(tuple(row[: len(source)]) for row in table[: len(hypothesis.ids)])
        for table, source, hypothesis in zip(weights, sources, hypotheses, strict=True)
    ]
