"""Pass 1 in a real browser, and the stages of recurrent models: every number of a table twin is the model's."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer_site import MODELS, OTHERS, RECURRENT, TARGET, TEXT, Site, Watched
from explorer_world import recurrent_subject, request, run_of, subject
from polyglass.explorer.capture import word_spans
from polyglass.explorer.held import held
from polyglass.explorer.look import nobody_left
from polyglass.model.embedding import sinusoids
from polyglass.tap import Recorder

# The page shows float32 numbers of a second pass over the same model.
CLOSE = 1e-4
ADDING = ("pre", "post", "learned")


def assert_close(shown: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(shown.double(), expected.double(), atol=CLOSE, rtol=0)


def positions_of(site: Site, model: str, stack: str) -> Tensor:
    path = f"{stack}.positions"
    return site.translators[model].trace(TEXT, TARGET, keep=(path,)).tensors[path]  # no batch axis


def log_p(text: str) -> float:
    found = re.search(r"log p = (−?[\d.]+)", text)
    assert found is not None, text
    return float(found[1].replace("−", "-"))


# --- 1: pieces


def test_a_sentence_is_shown_as_the_pieces_and_ids_that_the_model_reads(watched: Watched, site: Site) -> None:
    watched.open("stage=1&model=pre&table=1")
    subwords = site.translators["pre"].bundle.subwords
    ids = [*subwords.encode_source([TEXT])[0], subwords.ids.eos]
    rows = watched.table("source-pieces")
    assert [row[0] for row in rows] == subwords.source_pieces(ids)
    assert [row[2] for row in rows] == ids
    target = [row[2] for row in watched.table("target-pieces")]
    assert target == [*subwords.encode_target([TARGET])[0], subwords.ids.eos]


def test_a_picked_piece_shows_each_merge_from_letters_to_the_whole(watched: Watched) -> None:
    watched.open("stage=1&model=pre&table=source-pieces")
    pieces = [row[0] for row in watched.table("source-pieces")[:-1]]
    place = max(range(len(pieces)), key=lambda index: len(pieces[index]))
    watched.open(f"stage=1&model=pre&i={place}&table=merges")
    steps = [row[1].split(" ") for row in watched.table("merges")]
    assert len(steps) > 2
    assert all(len(part) == 1 for part in steps[0])
    assert {"".join(parts) for parts in steps} == {pieces[place]}
    assert [len(parts) for parts in steps] == list(range(len(steps[0]), 0, -1))


def test_a_letter_outside_the_vocabulary_is_shown_as_bytes(watched: Watched) -> None:
    watched.open("stage=1&model=pre&table=1", text="A ☃ sees.", target="")
    kinds = {row[0]: row[5] for row in watched.table("source-pieces")}
    assert {"<0xE2>", "<0x98>", "<0x83>"} <= {piece for piece, kind in kinds.items() if "byte" in kind}
    assert "3 pieces are bytes" in watched.text("figure[data-figure=source-pieces] .summary")


# --- 2: vectors


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_vector_is_the_row_of_the_table_times_the_root_of_its_width(watched: Watched, site: Site, side: str) -> None:
    watched.open(f"stage=2&model=pre&side={side}&i=1&level=detail&table=1")
    bundle = site.translators["pre"].bundle
    ids = bundle.subwords.encode_source([TEXT])[0] if side == "source" else bundle.subwords.encode_target([TARGET])[0]
    token = ids[1] if side == "source" else ids[0]  # the decoder reads the start sign first
    row = bundle.model.source_embedding.weight[token].detach()
    shown = watched.numbers("lookup")
    assert_close(shown[:, 0], row)
    assert_close(shown[:, 1], row * math.sqrt(len(row)))
    assert_close(
        watched.numbers("embedding"), site.trace("pre", f"{'encoder' if side == 'source' else 'decoder'}.embedding")
    )


def test_neighbours_are_those_with_the_largest_cosine_and_lead_on(watched: Watched, site: Site) -> None:
    watched.open("stage=2&model=pre&i=1&table=neighbours")
    bundle = site.translators["pre"].bundle
    table = torch.nn.functional.normalize(bundle.model.source_embedding.weight.detach().double(), dim=1)
    token = bundle.subwords.encode_source([TEXT])[0][1]
    cosines = table @ table[token]
    cosines[[0, 1, 2, 3, token]] = -2
    rows = watched.table("neighbours")
    assert [row[1] for row in rows] == cosines.topk(10).indices.tolist()
    assert_close(torch.tensor([row[2] for row in rows]), cosines.topk(10).values)
    watched.page.locator("[data-figure=neighbours] .bar-line").nth(3).click()
    watched.wait()
    assert f"near={int(rows[3][1])}" in watched.page.url
    assert watched.table("neighbours")[0][1] != rows[0][1]


def test_a_piece_is_found_by_its_beginning(watched: Watched) -> None:
    watched.open("stage=2&model=pre")
    watched.page.locator(".search input").fill("the")
    watched.page.locator(".found button").first.click()
    watched.wait()
    assert "“the”" in watched.text("figure[data-figure=neighbours] h2")


# --- 3: positions


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("model", ADDING)
def test_positions_are_those_that_were_added(watched: Watched, site: Site, model: str, side: str) -> None:
    stack = "encoder" if side == "source" else "decoder"
    watched.open(f"stage=3&model={model}&side={side}&i=2&level=detail&table=1")
    expected = positions_of(site, model, stack)
    shown = watched.numbers("positions")
    assert_close(shown[: len(expected)], expected)
    if model != "learned":
        assert_close(shown, sinusoids(len(shown), shown.shape[1]))
    parts = [site.trace(model, f"{stack}.embedding")[2], expected[2], site.trace(model, f"{stack}.embedded")[2]]
    assert_close(watched.numbers("sum"), torch.stack(parts, dim=1))


def test_the_likeness_of_places_depends_on_their_distance_alone(watched: Watched) -> None:
    watched.open("stage=3&model=pre&i=3&level=detail&table=alike")
    table = sinusoids(48, 16)
    assert_close(torch.tensor([row[1] for row in watched.table("alike")]), table @ table[3])
    difference = re.search(r"same distance is ([\d.e−-]+)", watched.text("figure[data-figure=alike] .summary"))
    assert difference is not None
    assert float(difference[1].replace("−", "-").rstrip(".")) < 1e-5


def test_the_slider_shows_another_wave_without_a_new_page(watched: Watched) -> None:
    watched.open("stage=3&model=pre&pair=0&table=wave")
    place = torch.arange(9, dtype=torch.float64)
    assert_close(watched.numbers("wave")[:9, 0], place.sin())
    slider = watched.page.locator(".slider input")
    slider.focus()
    slider.press("ArrowRight")
    assert_close(watched.numbers("wave")[:9, 0], (place / 10000 ** (2 / 16)).sin())
    assert "pair=1" in watched.page.url


@pytest.mark.parametrize(("model", "words"), [("rotary", "turns by"), ("none", "No positions")])
def test_models_that_add_no_positions_have_a_card_of_their_own(watched: Watched, model: str, words: str) -> None:
    watched.open(f"stage=3&model={model}")
    assert words in watched.text("#view")
    assert watched.page.locator("figure[data-figure=positions]").count() == 0


@pytest.mark.parametrize(
    ("button", "edit"),
    [
        ("Switch positions off", {"kind": "positions_off", "side": "both"}),
        ("Shuffle the words", {"kind": "shuffle_source", "seed": 1}),
    ],
)
def test_an_experiment_runs_the_model_and_says_the_difference_in_figures(
    watched: Watched, button: str, edit: dict[str, Any]
) -> None:
    watched.open("stage=3&model=pre", target="")
    watched.page.get_by_role("button", name=button).click()
    watched.page.locator(".experiment").wait_for()
    watched.wait()
    made = subject(**MODELS["pre"])
    before, after = run_of(made, TEXT), run_of(made, TEXT, edits=[edit])
    said = watched.page.locator(".before-after dd").all_inner_texts()
    assert log_p(said[0]) == pytest.approx(before.hypothesis.log_prob, abs=0.006)
    assert log_p(said[1]) == pytest.approx(after.hypothesis.log_prob, abs=0.006)
    watched.page.get_by_role("button", name="End experiment").click()
    watched.wait()
    assert watched.page.locator(".experiment").count() == 0


# --- 4 and 5: the stacks


def flow_paths(stack: str, layer: int, sublayers: list[str], *, pre: bool) -> list[str]:
    base = f"{stack}.layers.{layer}"
    end = "residual" if pre else "norm"
    first = f"{stack}.embedded" if layer == 0 else f"{stack}.layers.{layer - 1}.feed_forward_residual.{end}"
    paths = [first]
    for name in sublayers:
        body, total, norm = f"{base}.{name}.output", f"{base}.{name}_residual.residual", f"{base}.{name}_residual.norm"
        paths += [norm, body, total] if pre else [body, total, norm]
    return paths


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("model", [*MODELS, *OTHERS])
def test_the_tiles_of_an_encoder_layer_are_the_recorded_vectors(
    watched: Watched, site: Site, model: str, layer: int
) -> None:
    watched.open(f"stage=4&model={model}&layer={layer}&i=3&level=detail&table=1")
    pre = MODELS.get(model, {}).get("norm_place") == "pre"
    paths = flow_paths("encoder", layer, ["self_attention", "feed_forward"], pre=pre)
    assert_close(watched.numbers("flow"), torch.stack([site.trace(model, path)[3] for path in paths], dim=1))
    after = site.trace(model, f"encoder.layers.{layer}.feed_forward_residual.{'residual' if pre else 'norm'}")
    assert_close(watched.numbers("states"), after)
    first = site.trace(model, "encoder.embedded").double()
    expected = torch.cosine_similarity(after.double(), first, dim=1)
    assert_close(watched.numbers("cosine")[:, layer + 1], expected)


@pytest.mark.parametrize("step", [0, 4])
@pytest.mark.parametrize("model", MODELS)
def test_the_decoder_at_one_step_shows_what_it_reads_and_where_it_looks(
    watched: Watched, site: Site, model: str, step: int
) -> None:
    watched.open(f"stage=5&model={model}&layer=1&step={step}&level=detail&table=1")
    pre = MODELS[model].get("norm_place") == "pre"
    paths = flow_paths("decoder", 1, ["self_attention", "cross_attention", "feed_forward"], pre=pre)
    assert_close(watched.numbers("flow"), torch.stack([site.trace(model, path)[step] for path in paths], dim=1))
    for figure, kind in (("back", "self"), ("over", "cross")):
        weights = site.trace(model, f"decoder.layers.1.{kind}_attention.weights")[:, step]
        shown = watched.numbers(figure)
        assert_close(shown[:, 1:], weights.T)
        assert_close(shown[:, 0], weights.mean(0))
        assert shown[:, 1:].sum(0).tolist() == pytest.approx([1] * 4, abs=1e-6)
    assert (watched.numbers("back")[step + 1 :] == 0).all()


# --- 6: output


@pytest.mark.parametrize("model", [*MODELS, *RECURRENT])
def test_the_next_piece_has_the_models_scores_and_probabilities(watched: Watched, site: Site, model: str) -> None:
    watched.open(f"stage=6&model={model}&step=2&table=1")
    logits = site.trace(model, "logits")[2].double()
    rows = watched.table("next")
    ids = [int(row[1]) for row in rows]
    assert ids == logits.topk(len(ids)).indices.tolist()
    assert_close(torch.tensor([row[2] for row in rows]), logits[ids])
    assert_close(torch.tensor([row[3] for row in rows]), logits.softmax(0)[ids])


def test_temperature_flattens_the_bars_but_keeps_their_order(watched: Watched, site: Site) -> None:
    watched.open("stage=6&model=pre&step=2&tau=2&table=next")
    logits = site.trace("pre", "logits")[2].double()
    rows = watched.table("next")
    assert_close(torch.tensor([row[3] for row in rows]), (logits / 2).softmax(0)[[int(row[1]) for row in rows]])
    slider = watched.page.locator("figure[data-figure=next] .slider input")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    flatter = [row[3] for row in watched.table("next")]
    assert flatter[0] < rows[0][3]
    assert flatter == sorted(flatter, reverse=True)


def test_a_forced_target_shows_the_rank_of_each_of_its_pieces(watched: Watched, site: Site) -> None:
    watched.open("stage=6&model=pre&table=sure")
    trace = site.translators["pre"].trace(TEXT, TARGET, keep=("logits",))
    logits = trace.tensors["logits"][0]
    ids = torch.tensor(trace.hypothesis.ids)
    chosen = logits.gather(1, ids[:, None])
    rows = watched.table("sure")
    assert [row[4] for row in rows] == ((logits > chosen).sum(1) + 1).tolist()
    assert_close(torch.tensor([row[3] for row in rows]), logits.log_softmax(1).gather(1, ids[:, None])[:, 0])
    assert "nothing was searched" in watched.text("#view")


def test_the_beam_tree_has_every_node_of_the_search_and_its_scores(watched: Watched) -> None:
    watched.open("stage=6&model=pre&beam=3&table=tree", target="")
    run = run_of(subject(**MODELS["pre"]), TEXT, beam_size=3)
    rows = watched.table("tree")
    assert len(rows) == len(run.nodes)
    best = [row for row in rows if row[6] == "the result"]
    assert_close(torch.tensor([row[3] for row in best]), torch.tensor(run.hypothesis.token_log_probs))
    assert best[-1][4] == pytest.approx(run.hypothesis.log_prob, abs=CLOSE)
    assert best[-1][5] == pytest.approx(run.hypothesis.score, abs=CLOSE)


def test_another_piece_can_be_forced_and_the_model_goes_on_from_there(watched: Watched) -> None:
    watched.open("stage=6&model=pre&step=1&table=next", target="")
    rows = watched.table("next")
    watched.page.locator("[data-figure=next] .bar-line").nth(1).click()
    watched.page.locator(".experiment").wait_for()
    watched.wait()
    first = run_of(subject(**MODELS["pre"]), TEXT).hypothesis.ids[0]
    assert f"prefix={first}%2C{int(rows[1][1])}" in watched.page.url
    after = run_of(subject(**MODELS["pre"]), TEXT, prefix_ids=[first, int(rows[1][1])])
    assert next(row[1] for row in watched.table("next")) == after.steps[0].ids[1, 0]
    assert "first 2 pieces are forced" in watched.text(".experiment")


# --- recurrent models


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("model", RECURRENT)
def test_the_state_through_time_is_the_recorded_one(watched: Watched, site: Site, model: str, side: str) -> None:
    watched.open(f"stage=4R&model={model}&side={side}&layer=1&level=detail&table=1")
    stack = "encoder" if side == "source" else "decoder"
    assert_close(watched.numbers("hidden"), site.trace(model, f"{stack}.layers.1.hidden"))
    if model == "lstm":
        assert_close(watched.numbers("cell"), site.trace(model, f"{stack}.layers.1.cell"))


@pytest.mark.parametrize(
    ("model", "gates"), [("lstm", ["forget_gate", "input_gate", "output_gate"]), ("gru", ["update_gate", "reset_gate"])]
)
def test_gates_over_time_are_the_recorded_ones(watched: Watched, site: Site, model: str, gates: list[str]) -> None:
    watched.open(f"stage=5R&model={model}&layer=0&gate={gates[1]}&table=1")
    forward = [site.trace(model, f"encoder.layers.0.{gate}")[:, :8].mean(1) for gate in gates]
    assert_close(watched.numbers("gates"), torch.stack(forward, dim=1))
    assert_close(watched.numbers("gate"), site.trace(model, f"encoder.layers.0.{gates[1]}"))


def test_what_the_last_state_holds_is_its_jacobian(watched: Watched) -> None:
    watched.open("stage=6R&model=lstm&table=1")
    made = recurrent_subject(**RECURRENT["lstm"])
    model, length = made.bundle.model, len(made.bundle.subwords.encode_source([TEXT])[0]) + 1
    shown = watched.numbers("gradient")
    row = torch.tensor([[*made.bundle.subwords.encode_source([TEXT])[0], made.bundle.subwords.ids.eos]])
    embedded = Recorder(("encoder.embedding",), gradients=True)
    final = model.encode(row, tap=embedded).final[-1][0, 0, :8]  # read from left to right
    whole = [
        torch.autograd.grad(number, embedded.tensors["encoder.embedding"], retain_graph=True)[0][0] for number in final
    ]
    assert len(shown) == length
    assert_close(shown[:, 0], torch.stack(whole).square().sum((0, 2)).sqrt())


def test_the_words_that_are_left_out_are_those_of_the_sentence(watched: Watched) -> None:
    watched.open("stage=6R&model=gru&table=left-out")
    run = run_of(recurrent_subject(**RECURRENT["gru"]), TEXT, target=TARGET)
    expected = held(run, word_spans(run.subject, run.source), nobody_left).left_out
    rows = watched.table("left-out")
    assert [row[1] for row in rows[:-1]] == pytest.approx([x for x in expected if x is not None], abs=CLOSE)


def test_the_attention_of_a_recurrent_model_is_shown_row_by_row(watched: Watched, site: Site) -> None:
    watched.open("stage=8R&model=gru&table=alignment")
    shown = watched.numbers("alignment")
    assert_close(shown, site.trace("gru", "decoder.attention.weights")[0])
    assert shown.sum(1).tolist() == pytest.approx([1] * len(shown), abs=1e-6)


def test_a_request_of_the_page_is_one_that_the_server_knows() -> None:
    assert request(TEXT, target=None, edits=[], prefix_ids=[], beam_size=None).text == TEXT
