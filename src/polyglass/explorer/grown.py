"""The record of a beam search in, a tree to draw out: what became of every word that the search looked at."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from polyglass.decoding.hypothesis import BeamNode
from polyglass.decoding.length import length_penalty
from polyglass.explorer.capture import Run
from polyglass.explorer.pieces import label

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"


def tree_view(run: Run) -> dict[str, JSON]:
    """Return the beam tree of a run: nodes in the order in which they were found, and those of the output."""
    nodes, alpha = run.nodes, run.subject.bundle.config.decode.length_penalty
    best = path_of(nodes, run.hypothesis.ids)
    states = states_of(nodes, best)
    pieces = run.subject.pieces("target", [node.token for node in nodes])
    return {
        "beam_size": run.request.beam_size or 1,
        "length_penalty": alpha,
        "nodes": [
            {
                "id": place,
                "parent": node.parent,
                "step": node.step,
                "token": node.token,
                "piece": piece,
                "label": label(piece),
                "token_log_prob": node.token_log_prob,
                "log_prob": node.log_prob,
                "score": node.log_prob / length_penalty(node.step + 1, alpha),
                "state": state,
                "kept": node.kept,
                "finished": node.finished,
            }
            for place, (node, piece, state) in enumerate(zip(nodes, pieces, states, strict=True))
        ],
        "best": list(best),
        "reason": None if nodes else "forced",
    }


def path_of(nodes: Sequence[BeamNode], ids: Sequence[int]) -> list[int]:
    """Return the nodes that spell an output, from the first word to the last; empty if the tree does not hold it."""
    children: dict[int, list[int]] = {}
    for place, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(place)
    path: list[int] = []
    for token in ids:
        parent = path[-1] if path else -1
        following = [place for place in children.get(parent, ()) if nodes[place].token == token and nodes[place].kept]
        if not following:
            return []
        path.append(following[0])
    return path


def states_of(nodes: Sequence[BeamNode], best: Sequence[int]) -> list[str]:
    """Say what became of each node.

    best: it is part of the output. finished: it ended another output. live: it was kept, and so was something after
    it, or the search ended there. pruned: it was not kept, or nothing after it was.
    """
    last = max((node.step for node in nodes), default=0)
    states = ["pruned"] * len(nodes)
    for place in reversed(range(len(nodes))):  # children come after their parents
        node = nodes[place]
        if node.finished:
            states[place] = "finished"
        elif node.kept and node.step == last:
            states[place] = "live"
        if states[place] != "pruned" and node.parent >= 0 and states[node.parent] == "pruned":
            states[node.parent] = "live"
    for place in best:
        states[place] = "best"
    return states
