"""Outputs of all contestants in; out: the few sentences that a page shows, chosen by a rule and not by taste.

Half are drawn at random, with the same draw for every comparison of this test set: they show what is usual. Half are
those with the largest gap between the best and the worst output: they show where the choice of the model matters.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from polyglass.data.pair import Pair
from polyglass.experiments.compare_record import Sample, SampleOutput
from polyglass.experiments.compare_scores import Scored

OF_EACH = 5
SEED = 1


def choose_samples(pairs: Sequence[Pair], runs: Mapping[str, Sequence[Scored]]) -> tuple[Sample, ...]:
    """Return sentences with the outputs of each contestant's first seed that is done; each sentence once.

    runs: by contestant; those without a run that is done are left out.
    """
    shown = {name: some[0] for name, some in runs.items() if some}
    if not shown:
        return ()
    scores = {name: run.counted["chrf"].sentence_scores() for name, run in shown.items()}
    gaps = np.ptp(np.array(list(scores.values())), axis=0)
    drawn = np.random.default_rng(SEED).permutation(len(pairs))[:OF_EACH].tolist()
    apart = [row for row in np.argsort(-gaps, kind="stable").tolist() if row not in drawn and gaps[row] > 0]

    def sample(row: int, chosen: Literal["at random", "most different"]) -> Sample:
        outputs = tuple(SampleOutput(name, run.outputs[row], float(scores[name][row])) for name, run in shown.items())
        seed = min(run.seed for run in shown.values())
        return Sample(pairs[row].line, pairs[row].source, pairs[row].target, chosen, seed, outputs)

    return (
        *(sample(row, "at random") for row in sorted(drawn)),
        *(sample(row, "most different") for row in apart[:OF_EACH]),
    )
