"""Neighbours, the map and the search for pieces, against the plainest computation of each."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer_world import check, recurrent_subject, subject
from polyglass.bundle import save_bundle
from polyglass.data.store import write_store
from polyglass.explorer.answers import map_reply, neighbours_reply, vocabulary_reply
from polyglass.explorer.ask import MapRequest, NeighboursRequest, VocabularyRequest
from polyglass.explorer.look import Explorer
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject, load_subject
from polyglass.explorer.vectors import neighbours, plane, table
from tiny_bundle import SENTENCES, tiny_bundle


def looked_at() -> Subject:
    return subject(tie_embeddings="none", joint=False)


@pytest.mark.parametrize("side", ["source", "target"])
def test_neighbours_are_the_largest_cosines(side: Any) -> None:
    token = 40
    vectors = table(looked_at(), side).double().numpy()
    lengths = np.linalg.norm(vectors, axis=1)
    cosine = vectors @ vectors[token] / lengths / lengths[token]
    order = [one for one in np.argsort(-cosine) if one > 3 and one != token][:10]
    found = neighbours(looked_at(), side, token, count=10)
    assert [one.id for one in found] == order
    assert [one.cosine for one in found] == pytest.approx(cosine[order], abs=1e-6)


def test_a_piece_can_be_named_by_its_spelling_and_the_table_by_who_uses_it() -> None:
    explorer = Explorer([looked_at()])
    piece = looked_at().pieces("source", [300])[0]
    by_piece = neighbours_reply(explorer, NeighboursRequest(model="a", side="source", piece=piece), check)
    by_id = neighbours_reply(explorer, NeighboursRequest(model="a", side="source", id=300), check)
    assert by_piece == by_id
    assert by_id["table"] == "source"
    assert by_id["count"] is None
    assert not by_id["rare"]
    assert (
        neighbours_reply(Explorer([subject()]), NeighboursRequest(model="a", side="target", id=300), check)["table"]
        == "shared"
    )
    json.dumps(by_id, allow_nan=False)


def test_the_plane_is_that_of_the_two_largest_components() -> None:
    ids = list(range(10, 60))
    vectors = table(looked_at(), "source")[ids].double().numpy()
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    expected = centred @ directions[:, ::-1][:, :2]
    found = plane(looked_at(), "source", ids)
    for axis in (0, 1):
        assert np.abs(found.places[:, axis]) == pytest.approx(np.abs(expected[:, axis]), abs=1e-9)
        assert found.places[np.abs(found.places[:, axis]).argmax(), axis] > 0
    assert found.variance == pytest.approx(tuple(values[::-1][:2] / values.sum()))


def test_a_map_shows_what_was_asked_for_beside_other_pieces() -> None:
    reply = map_reply(Explorer([looked_at()]), MapRequest(model="a", side="target", ids=(270, 280), frequent=5), check)
    assert [point["id"] for point in reply["points"] if point["asked"]] == [270, 280]
    assert len(reply["points"]) == 7
    assert reply["by"] == "id"
    assert reply["shown"] == [7, looked_at().size("target")]
    assert not any(point["piece"].startswith("<") for point in reply["points"])
    json.dumps(reply, allow_nan=False)


@pytest.mark.parametrize("fields", [{"ids": [5, 9999]}, {"ids": [], "frequent": 0}, {"ids": [5], "frequent": 1}])
def test_an_impossible_map_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="ids: "):
        map_reply(
            Explorer([looked_at()]),
            MapRequest.model_validate({"model": "a", "side": "source", **fields}, strict=False),
            check,
        )


def test_a_search_finds_the_piece_itself_first_then_beginnings_then_the_rest() -> None:
    explorer = Explorer([subject(size=400)])
    reply = vocabulary_reply(explorer, VocabularyRequest(model="a", side="source", query="E"), check)
    labels = [one["label"].casefold() for one in reply["matches"]]
    assert labels[0] == "e"
    ranks = [0 if one == "e" else 1 if one.startswith("e") else 2 for one in labels]
    assert ranks == sorted(ranks)
    assert all("e" in one for one in labels)
    assert reply["shown"] == [len(labels), reply["shown"][1]]
    every = vocabulary_reply(explorer, VocabularyRequest(model="a", side="source"), check)
    assert [one["id"] for one in every["matches"]] == list(range(50))
    assert every["shown"] == [50, subject(size=400).size("source")]
    later = vocabulary_reply(explorer, VocabularyRequest(model="a", side="source", offset=50), check)
    assert later["matches"][0]["id"] == 50


def test_a_search_for_nothing_that_is_there_is_empty() -> None:
    reply = vocabulary_reply(Explorer([subject()]), VocabularyRequest(model="a", side="source", query="qqqq"), check)
    assert (reply["matches"], reply["shown"]) == ([], [0, 0])


@pytest.mark.parametrize("fields", [{"id": 9999}, {"piece": "no such"}])
def test_a_piece_that_does_not_exist_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        neighbours_reply(Explorer([subject()]), NeighboursRequest(model="a", side="source", **fields), check)


def test_a_run_folder_tells_how_often_each_piece_was_read(tmp_path: Path) -> None:
    made = tiny_bundle()
    save_bundle(tmp_path / "run", made)
    (tmp_path / "run" / "data").mkdir()
    write_store(tmp_path / "run" / "data" / "train", SENTENCES * 3, made.subwords, max_length_tokens=100)
    validation = tmp_path / "run" / "data" / "validation.source.txt"
    validation.write_text("Too short.\nThis one has just six words.\n", encoding="utf-8", newline="\n")
    loaded = load_subject(tmp_path / "run", name="a")
    ids = [token for source, _ in SENTENCES for token in made.subwords.encode_source([source])[0]]
    for token in set(ids):
        assert loaded.count("source", token) == 3 * ids.count(token)
    assert loaded.examples == ("This one has just six words.",)
    explorer = Explorer([loaded])
    rare = next(token for token in ids if ids.count(token) == 1)
    found = neighbours_reply(explorer, NeighboursRequest(model="a", side="source", id=rare), check)
    assert (found["rare"], found["count"]) == (True, 3)
    drawn = map_reply(explorer, MapRequest(model="a", side="source", frequent=10), check)
    counts = [point["count"] for point in drawn["points"]]
    assert drawn["by"] == "frequency"
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("damage", ["missing", "flipped", "other tokenizer", "too large"])
def test_counts_that_cannot_be_trusted_are_unknown(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny_bundle()
    save_bundle(tmp_path, made)
    (tmp_path / "data").mkdir()
    subwords = tiny_bundle(size=340).subwords if damage == "other tokenizer" else made.subwords
    write_store(tmp_path / "data" / "train", SENTENCES, subwords, max_length_tokens=100)
    ids = tmp_path / "data" / "train" / "source.ids"
    if damage == "missing":
        ids.unlink()
    elif damage == "flipped":
        content = bytearray(ids.read_bytes())
        content[0] ^= 1
        ids.write_bytes(bytes(content))
    elif damage == "too large":
        monkeypatch.setattr("polyglass.explorer.subject.MOST_COUNTED_BYTES", 10)
    loaded = load_subject(tmp_path, name="a")
    assert loaded.counts == ()


def test_a_recurrent_model_has_neighbours_too() -> None:
    assert len(neighbours(recurrent_subject(), "source", 270, count=5)) == 5
    assert replace(recurrent_subject(), id="b").size("source") == recurrent_subject().size("source")
