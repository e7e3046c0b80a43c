"""Tensors on the wire: every number is the recorded one, in the part that was asked for and no other."""

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch

from explorer_world import check, run_of, subject
from polyglass.explorer.ask import BatchRequest, TensorsRequest, read_request
from polyglass.explorer.capture import Run
from polyglass.explorer.look import Explorer
from polyglass.explorer.numbers import tensors_reply
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.what_if import batch_reply

ATTENTION = "encoder.layers.0.self_attention"


def asked(run: Run, want: list[Any], **fields: Any) -> list[tuple[dict[str, Any], np.ndarray]]:  # type: ignore[type-arg]
    """Ask for tensors as a page does, and take the reply apart by its own head alone."""
    body = json.dumps({"run": run.id, "want": want, **fields}).encode()
    reply = tensors_reply(run, read_request(TensorsRequest, body), check)
    head, _, blocks = reply.partition(b"\n")
    assert (len(head) + 1) % 8 == 0
    found = []
    for entry in json.loads(head)["tensors"]:
        assert entry["offset"] % 8 == 0
        kind = "<f4" if entry["dtype"] == "float32" else "<f2"
        raw = blocks[entry["offset"] : entry["offset"] + entry["bytes"]]
        found.append((entry, np.frombuffer(raw, kind).reshape(entry["shape"])))
    return found


def test_every_tap_of_a_run_arrives_bit_by_bit() -> None:
    run = run_of(subject())
    for entry, array in asked(run, list(run.shapes)):
        recorded = run.recorded[entry["path"]]
        expected = recorded[0] if recorded.dim() > 2 else recorded
        assert np.array_equal(array, expected.numpy()), entry["path"]
        assert entry["full_shape"] == list(array.shape)


def test_masked_scores_are_minus_infinity_and_masked_weights_nothing() -> None:
    run = run_of(subject(), target="Ein Hund läuft.")
    path = "decoder.layers.0.self_attention"
    (_, scores), (_, weights) = asked(run, [f"{path}.scores", f"{path}.weights"])
    future = np.triu(np.ones(scores.shape[1:], bool), 1)
    assert (scores[:, future] == -np.inf).all()
    assert (weights[:, future] == 0).all()
    assert np.allclose(weights.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("part", "index"),
    [
        ({"rows": [2, 0]}, np.s_[:, [2, 0], :]),
        ({"cols": [1]}, np.s_[:, :, [1]]),
        ({"heads": [3, 1]}, np.s_[[3, 1], :, :]),
        ({"rows": [1], "cols": [0, 2], "heads": [2]}, np.ix_([2], [1], [0, 2])),
    ],
    ids=["rows", "columns", "heads", "all"],
)
def test_a_part_is_the_part_that_was_asked_for(part: dict[str, list[int]], index: Any) -> None:
    run = run_of(subject())
    path = f"{ATTENTION}.weights"
    whole = run.recorded[path][0].numpy()
    (by_one,) = asked(run, [{"path": path, **part}])
    (by_all,) = asked(run, [path], **part)
    assert np.array_equal(by_one[1], whole[index])
    assert np.array_equal(by_all[1], whole[index])
    assert by_one[0]["full_shape"] == list(whole.shape)
    assert all(by_one[0][name] == places for name, places in part.items())


def test_half_precision_halves_the_bytes_and_keeps_three_digits() -> None:
    run = run_of(subject())
    (exact,), (half,) = asked(run, ["encoder.embedded"]), asked(run, ["encoder.embedded"], dtype="float16")
    assert half[0]["bytes"] * 2 == exact[0]["bytes"]
    assert np.allclose(half[1].astype(np.float32), exact[1], rtol=1e-3, atol=1e-6)


def test_a_tile_of_a_weight_is_that_block_of_the_matrix() -> None:
    looked_at = subject()
    run = run_of(looked_at)
    path = f"{ATTENTION}.w_q.weight"
    (tile,) = asked(run, [{"path": path, "tile": [3, 7, 2, 16]}])
    assert np.array_equal(tile[1], looked_at.weights[path][3:7, 2:16].numpy())
    (gain,) = asked(run, ["encoder.layers.0.self_attention_residual.norm.weight"])
    assert gain[0]["shape"] == [16]


def test_a_row_of_a_weight_times_x_is_a_query() -> None:
    """What stage 10 does: x times column n of W^Q is number n of q, and column n is row n of torch's layout."""
    run = run_of(subject())
    path = f"{ATTENTION}.w_q"
    x_path = (
        "encoder.embedded"
        if subject().bundle.config.model.norm_place == "post"
        else "encoder.layers.0.self_attention_residual.norm"
    )  # type: ignore[union-attr]
    want: list[Any] = [
        {"path": f"{path}.weight", "tile": [5, 6, 0, 16]},
        {"path": x_path, "rows": [1]},
        f"{ATTENTION}.q",
    ]
    bias = f"{path}.bias"
    if bias in subject().weights:
        want.append(bias)
    found = [array for _, array in asked(run, want)]
    product = float(found[0][0] @ found[1][0]) + (float(found[3][5]) if len(found) > 3 else 0.0)
    assert product == pytest.approx(float(found[2][1, 1, 1]), abs=1e-5)  # number 5 is number 1 of head 1 (d_k is 4)


@pytest.mark.parametrize(
    ("want", "fields", "complaint", "status"),
    [
        (["encoder.nothing"], {}, "no such path", 404),
        (["../../etc/passwd"], {}, "no such path", 404),
        ([f"{ATTENTION}.weights"], {"rows": [99]}, "rows: this axis has the places 0 to", 400),
        ([f"{ATTENTION}.weights"], {"heads": [4]}, "heads: this axis has the places 0 to 3", 400),
        (["encoder.embedded"], {"heads": [0]}, "heads: a tensor of shape", 400),
        ([f"{ATTENTION}.w_q.weight"], {}, "tile: say which part", 400),
        ([{"path": f"{ATTENTION}.w_q.weight", "tile": [0, 17, 0, 2]}], {}, "tile: it must lie inside", 400),
        ([{"path": f"{ATTENTION}.w_q.weight", "tile": [2, 2, 0, 2]}], {}, "tile: it must lie inside", 400),
        ([{"path": f"{ATTENTION}.w_q.weight", "tile": [-1, 2, 0, 2]}], {}, "tile: it must lie inside", 400),
        (
            [{"path": "source_embedding.weight", "tile": [0, 300, 0, 16]}],
            {},
            "at most 4,096 cells, but here are 4,800",
            413,
        ),
        ([], {}, "want: Tuple should have at least 1 item", 400),
        (["logits"], {"sentence": 1}, "sentence: this run has the sentences 0 to 0", 400),
        (["logits"], {"dtype": "float64"}, "dtype: Input should be", 400),
        (["logits"], {"tpye": 1}, "tpye: Extra inputs are not permitted", 400),
    ],
)
def test_what_does_not_exist_or_is_too_much_is_refused_in_words(
    want: list[Any], fields: dict[str, Any], complaint: str, status: int
) -> None:
    with pytest.raises(RefusedError, match=complaint) as refused:
        asked(run_of(subject()), want, **fields)
    assert refused.value.status == status


def test_a_reply_that_were_too_long_names_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.explorer.wire.REPLY_BYTES", 1000)
    with pytest.raises(RefusedError, match="at most 1,000 bytes, but here are") as refused:
        asked(run_of(subject()), ["logits"])
    assert (refused.value.status, refused.value.limit) == (413, 1000)


def test_sentences_of_a_batch_come_one_by_one_with_their_padding() -> None:
    explorer = Explorer([subject()])
    batch = BatchRequest(model="a", texts=("The dog sees a bird.", "dog"))
    reply = batch_reply(explorer, batch, check)
    run = explorer.known_run(reply["run"])
    path = f"{ATTENTION}.weights"
    (short,) = asked(run, [path], sentence=1)
    padding = reply["sentences"][1]["padding"][0]
    assert padding > 0
    assert short[1].shape == (4, reply["length"], reply["length"])
    assert (short[1][:, :, -padding:] == 0).all()
    assert np.array_equal(short[1], run.recorded[path][1].numpy())
    assert torch.equal(torch.tensor(reply["visible"][1]), torch.arange(reply["length"]) < reply["length"] - padding)


def test_the_head_says_how_the_blocks_are_to_be_read() -> None:
    run = run_of(subject())
    body = json.dumps({"run": run.id, "want": ["encoder.norms", "encoder.positions"]}).encode()
    reply = tensors_reply(run, read_request(TensorsRequest, body), check)
    head, _, blocks = reply.partition(b"\n")
    first, second = json.loads(head)["tensors"]
    assert (first["offset"], first["shape"][0]) == (0, 3)
    assert second["offset"] == -(-first["bytes"] // 8) * 8
    number = struct.unpack("<f", blocks[second["offset"] : second["offset"] + 4])[0]
    assert number == float(run.recorded["encoder.positions"][0, 0])
