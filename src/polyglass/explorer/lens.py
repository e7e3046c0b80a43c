"""What a decoder would say after each block, and which hidden units of a feed-forward layer fire.

Letters: T target length, D d_model, F d_ff.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.explorer.ask import NeuronsRequest, Side
from polyglass.explorer.capture import Check, Run
from polyglass.explorer.pieces import label
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.view import piece_view
from polyglass.model.transformer import Transformer

LISTED = 3
FIRES_ON = 5


@torch.inference_mode()
def lens_view(run: Run, check: Check) -> dict[str, Any]:
    """Send the vectors after each decoder block straight to the output layer (nostalgebraist 2020, the logit lens).

    A pre-norm decoder normalises once more before the output layer, and so does the lens.
    """
    model = run.subject.bundle.model
    if not isinstance(model, Transformer):
        raise RefusedError("does_not_fit", "The logit lens needs a decoder of several blocks; this model has none.")
    blocks = [layer for layer in run.subject.layers if layer.stack == "decoder"]
    paths = [blocks[0].input, *(layer.output for layer in blocks)]
    states = run.tensors(paths, check)
    chosen = run.steps[0].chosen
    rows = []
    for path in paths:
        vectors = states[path] if model.decoder.norm is None else model.decoder.norm(states[path])
        log_probs = model.logits(vectors)[0].log_softmax(dim=-1)
        rows.append(_lens_row(run, log_probs, chosen))
    return {"layers": ["embedded", *(str(layer.layer) for layer in blocks)], "rows": rows}


def _lens_row(run: Run, log_probs: Float[Tensor, "T V"], chosen: Tensor) -> list[dict[str, Any]]:
    own = log_probs.gather(1, chosen[:, None])
    ranks = ((log_probs > own).sum(dim=1) + 1).tolist()
    best = log_probs.topk(min(LISTED, log_probs.shape[1]), dim=1)
    return [
        {
            "top": [
                piece_view(run.subject, "target", token) | {"prob": prob}
                for token, prob in zip(tokens, probs, strict=True)
            ],
            "chosen_prob": prob,
            "chosen_rank": rank,
        }
        for tokens, probs, prob, rank in zip(
            best.indices.tolist(), best.values.exp().tolist(), own[:, 0].exp().tolist(), ranks, strict=True
        )
    ]


def neurons_view(run: Run, asked: NeuronsRequest, check: Check) -> dict[str, Any]:
    """Return the hidden units that fire most strongly at one position, and the tokens that each fires on."""
    config = run.subject.bundle.config.model
    path = f"{asked.path}.hidden"
    if not isinstance(config, TransformerConfig) or path not in run.shapes or not path.endswith("feed_forward.hidden"):
        raise RefusedError(
            "not_found", "path: this run has no such layer. Take one like encoder.layers.0.feed_forward."
        )
    hidden = run.tensors([path], check)[path][0].float()  # [L, F]
    if asked.position >= len(hidden):
        raise RefusedError("bad_request", f"position: this side has the positions 0 to {len(hidden) - 1}.")
    side: Side = "source" if path.startswith("encoder") else "target"
    # A decoder's row t read the token before.
    tokens = run.source if side == "source" else (run.subject.bundle.model.ids.bos, *run.hypothesis.ids[:-1])
    labels = [label(piece) for piece in run.subject.pieces(side, tokens)]
    has_zeros = config.activation == "relu"
    best = hidden[asked.position].topk(min(asked.count, hidden.shape[1]))
    return {
        "path": asked.path,
        "position": asked.position,
        "zeros": float((hidden[asked.position] == 0).float().mean()) if has_zeros else None,
        "zeros_everywhere": float((hidden == 0).float().mean()) if has_zeros else None,
        "neurons": [
            {
                "neuron": neuron,
                "activation": activation,
                "fires_on": _fires_on(hidden[:, neuron], labels),
                "share_of_tokens": float((hidden[:, neuron] > 0).float().mean()),
            }
            for activation, neuron in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ],
    }


def _fires_on(activations: Float[Tensor, " L"], labels: list[str]) -> list[dict[str, Any]]:
    best = activations.topk(min(FIRES_ON, len(labels)))
    return [
        {"position": place, "label": labels[place], "activation": value}
        for value, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        if value > 0
    ]
