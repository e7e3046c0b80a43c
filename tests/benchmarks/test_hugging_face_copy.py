"""The copy that Hugging Face is timed with is the same model."""

import sys
from pathlib import Path

import pytest
import torch

from tiny_bundle import tiny_bundle

pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from hugging_face import copied

CLOSE = 1e-5  # float32; sums in another order


@pytest.mark.parametrize("place", ["pre", "post"])
def test_the_copy_gives_the_same_logits(place: str) -> None:
    bundle = tiny_bundle(norm_place=place)
    source, target_in = torch.tensor([[10, 20, 30, 2], [11, 2, 0, 0]]), torch.tensor([[1, 7, 9], [1, 8, 6]])
    theirs = copied(bundle)
    with torch.no_grad():
        found = theirs(input_ids=source, attention_mask=(source != 0).long(), decoder_input_ids=target_in).logits
        torch.testing.assert_close(found, bundle.model(source, target_in), atol=CLOSE, rtol=CLOSE)


def test_what_the_copy_has_no_place_for_is_refused() -> None:
    with pytest.raises(SystemExit, match="sinusoids and layer norm only"):
        copied(tiny_bundle(positions="rotary"))
