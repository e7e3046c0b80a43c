"""Replies about masks: what leaks if the causal mask is lifted, and that padding changes nothing."""

import hashlib
from typing import Any

import torch

from polyglass.explorer.ask import BATCH_TOKENS, BatchRequest, RunOnly, RunRequest
from polyglass.explorer.capture import Check, Run, read_source, recorded
from polyglass.explorer.look import Explorer, with_lift, without_lift
from polyglass.explorer.numbers import whole_tensors
from polyglass.explorer.refusal import RefusedError, too_much
from polyglass.explorer.view import finite, source_view, target_view

Reply = dict[str, Any]


@torch.inference_mode()
def leak_reply(explorer: Explorer, asked: RunOnly, check: Check) -> Reply:
    """Let each target word see the words to come, for once: how much likelier the output then seems, and who looks."""
    known = explorer.known_run(asked.run)
    masked = explorer.run(without_lift(known.request), check)
    lifted = explorer.run(with_lift(known.request), check)
    attentions = [one for one in lifted.subject.attentions if one.kind == "decoder"]
    if not attentions:
        raise RefusedError("does_not_fit", "This model has no causal mask: it reads the target word by word.")
    weights = whole_tensors(lifted, [f"{one.path}.weights" for one in attentions], check)
    before, after = masked.hypothesis, lifted.hypothesis
    return {
        "run": lifted.id,
        "masked": masked.id,
        "log_probs": {
            "masked": [finite(number) for number in before.token_log_probs],
            "lifted": [finite(number) for number in after.token_log_probs],
        },
        "log_prob": {"masked": before.log_prob, "lifted": after.log_prob},
        "future_share": [
            {
                "path": one.path,
                "layer": one.layer,
                "heads": weights[f"{one.path}.weights"].triu(1).sum(dim=-1).mean(dim=-1).tolist(),
            }
            for one in attentions
        ],
    }


@torch.inference_mode()
def batch_reply(explorer: Explorer, asked: BatchRequest, check: Check) -> Reply:
    """Pad several sentences to one length, read them together, and compare with each of them alone."""
    subject = explorer.subject(asked.model)
    tokens = sum(len(read_source(subject, text)) for text in asked.texts)
    if tokens > BATCH_TOKENS:
        limit, remedy = BATCH_TOKENS, "Take shorter ones."
        raise too_much(
            "Sentences that are read together", "subwords", limit=limit, value=tokens, remedy=remedy, key="long_batch"
        )
    alone = [explorer.run(RunRequest(model=asked.model, text=text), check) for text in asked.texts]
    together = explorer.keep(_together(alone, check))
    ids = together.subject.bundle.model.ids
    logits = together.tensors(["logits"], check)["logits"]
    differences = []
    for row, one in zip(logits, alone, strict=True):
        own = one.tensors(["logits"], check)["logits"][0]
        differences.append(float((row[: len(own)] - own).abs().max()))
    length = max(map(len, together.sources))
    target_length = max(len(one.ids) for one in together.hypotheses)
    return {
        "run": together.id,
        "length": length,
        "target_length": target_length,
        "sentences": [
            {
                "source": source_view(one),
                "target": target_view(one),
                "padding": [length - len(one.source), target_length - len(one.hypothesis.ids)],
            }
            for one in alone
        ],
        "pad": {"id": ids.pad, "piece": together.subject.pieces("source", [ids.pad])[0]},
        "visible": [[place < len(source) for place in range(length)] for source in together.sources],
        "difference": differences,
    }


def _together(alone: list[Run], check: Check) -> Run:
    """Return one run of all sentences, padded on the right."""
    first = alone[0]
    name = hashlib.sha256(" ".join(one.id for one in alone).encode()).hexdigest()[:16]
    sources = tuple(one.source for one in alone)
    run = Run(f"{first.subject.id}.{name}", first.subject, first.request, first.plan, sources)
    return recorded(run, [one.hypothesis.ids for one in alone], check)
