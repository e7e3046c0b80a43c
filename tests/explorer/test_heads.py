"""Badges and pictures of heads, on tables of weights whose character is known because it was made."""

import base64

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer_world import check, recurrent_subject, run_of, subject
from polyglass.explorer.answers import thumbnails_reply
from polyglass.explorer.ask import ThumbnailsRequest
from polyglass.explorer.heads import badges, images
from polyglass.explorer.refusal import RefusedError

SIZE = 6
NO_MARKS = torch.zeros(SIZE, dtype=torch.bool)


def shifted(offset: int) -> Tensor:
    """Every query looks at the key `offset` places after it alone; where there is none, everywhere."""
    table = torch.diag(torch.ones(SIZE - abs(offset)), offset)
    table[table.sum(dim=1) == 0] = 1 / SIZE
    return table


def test_a_head_is_called_by_what_it_does() -> None:
    weights = torch.stack([shifted(-1), shifted(0), shifted(1), torch.full((SIZE, SIZE), 1 / SIZE)])
    previous, same, following, broad = badges(weights, delimiters=NO_MARKS, cross=False, reference=None)
    assert (previous.label, same.label, following.label, broad.label) == ("previous", "same", "next", "broad")
    assert (previous.previous, same.same, following.next) == (1, 1, 1)
    assert previous.same == pytest.approx(1 / SIZE / SIZE)
    assert (same.entropy, same.confidence) == (0, 1)
    assert broad.entropy == pytest.approx(np.log(SIZE))
    assert broad.entropy_share == pytest.approx(1)


def test_a_head_that_rests_on_marks_and_special_symbols_is_told() -> None:
    weights = torch.full((1, SIZE, SIZE), 0.04)
    weights[:, :, -1] = 0.8
    delimiters = torch.tensor([False] * (SIZE - 1) + [True])
    (resting,) = badges(weights, delimiters=delimiters, cross=False, reference=None)
    assert resting.delimiter == pytest.approx(0.8)
    assert resting.label == "delimiter"


def test_alignment_is_the_share_of_rows_that_point_where_the_reference_does() -> None:
    weights = torch.stack([torch.eye(4, SIZE), torch.eye(4, SIZE).roll(1, dims=1)])
    reference = torch.eye(4, SIZE)
    reference[3] = torch.tensor([1.0, 0, 0, 0, 0, 0])
    good, bad = badges(weights, delimiters=NO_MARKS, cross=True, reference=reference)
    assert (good.alignment, bad.alignment) == (0.75, 0)
    assert (good.label, bad.label) == ("alignment", "mixed")
    assert (good.previous, good.same, good.next) == (None, None, None)


def test_a_query_that_sees_one_key_says_nothing_about_entropy() -> None:
    causal = torch.ones(SIZE, SIZE).tril()
    causal = causal / causal.sum(dim=1, keepdim=True)
    (one,) = badges(causal[None], delimiters=NO_MARKS, cross=False, reference=None)
    assert one.entropy_share == pytest.approx(1)
    assert one.entropy == pytest.approx(np.mean([np.log(keys) for keys in range(1, SIZE + 1)]))
    (alone,) = badges(torch.ones(1, 1, 1), delimiters=NO_MARKS[:1], cross=False, reference=None)
    assert (alone.entropy_share, alone.previous, alone.label) == (None, 0, "same")


def test_a_small_picture_has_one_byte_for_each_weight() -> None:
    weights = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(1))
    pictures, size = images(weights)
    assert size == (5, 7)
    for picture, table in zip(pictures, weights, strict=True):
        pixels = np.frombuffer(base64.b64decode(picture), np.uint8).reshape(size)
        assert np.abs(pixels / 255 - table.numpy()).max() <= 0.5 / 255 + 1e-6


def test_a_large_picture_keeps_the_spikes() -> None:
    weights = torch.zeros(1, 100, 200)
    weights[0, 57, 113] = 1
    pictures, size = images(weights)
    assert size == (32, 32)
    pixels = np.frombuffer(base64.b64decode(pictures[0]), np.uint8).reshape(size)
    assert pixels.max() == 255
    assert 0 < (pixels == 255).sum() <= 4  # at most the pixels that share the cell
    assert pixels[57 * 32 // 100, 113 * 32 // 200] == 255


@pytest.mark.parametrize(
    ("kind", "rows", "columns"), [("encoder", "S", "S"), ("decoder", "T", "T"), ("cross", "T", "S")]
)
def test_a_run_has_pictures_of_all_its_heads(kind: str, rows: str, columns: str) -> None:
    run = run_of(subject(), target="Ein Hund läuft.")
    length = {"S": len(run.source), "T": len(run.hypothesis.ids)}
    reply = thumbnails_reply(run, ThumbnailsRequest(run=run.id, kind=kind), check)  # type: ignore[arg-type]
    assert (reply["rows"], reply["cols"]) == (length[rows], length[columns])
    assert reply["size"] == [length[rows], length[columns]]
    assert reply["pooled"] is False
    assert [len(layer["heads"]) for layer in reply["layers"]] == [4, 4]
    for layer in reply["layers"]:
        table = run.recorded[f"{layer['path']}.weights"][0]
        for head in layer["heads"]:
            assert head["badges"]["confidence"] == pytest.approx(
                float(table[head["head"]].amax(dim=-1).mean()), abs=1e-6
            )
            assert (head["badges"]["alignment"] is None) == (kind != "cross")
            assert (head["badges"]["previous"] is None) == (kind == "cross")


def test_delimiters_of_the_decoder_are_those_it_read() -> None:
    run = run_of(subject(), target="Ein Hund.")
    reply = thumbnails_reply(run, ThumbnailsRequest(run=run.id, kind="decoder"), check)
    pieces = subject().pieces("target", (subject().bundle.model.ids.bos, *run.hypothesis.ids[:-1]))
    marked = torch.tensor([piece in ("<s>", ".") for piece in pieces])
    assert marked.sum() == 2
    table = run.recorded["decoder.layers.0.self_attention.weights"][0, 0]
    assert reply["layers"][0]["heads"][0]["badges"]["delimiter"] == pytest.approx(
        float(table[:, marked].sum(dim=-1).mean()), abs=1e-6
    )


def test_a_recurrent_model_shows_its_one_attention_and_has_no_other() -> None:
    run = run_of(recurrent_subject(attention="additive"))
    reply = thumbnails_reply(run, ThumbnailsRequest(run=run.id, kind="cross"), check)
    assert [(layer["path"], len(layer["heads"])) for layer in reply["layers"]] == [("decoder.attention", 1)]
    assert reply["layers"][0]["heads"][0]["badges"]["alignment"] is None
    with pytest.raises(RefusedError, match="no attention of that kind"):
        thumbnails_reply(run, ThumbnailsRequest(run=run.id, kind="encoder"), check)
