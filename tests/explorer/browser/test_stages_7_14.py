"""Passes 2 and 3 in a real browser: the numbers of every picture are the model's, and the page's own sums agree."""

import ast
import json
import math
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer_site import MODELS, TARGET, TEXT, Site, Watched, axe_findings, watched_page
from explorer_world import subject
from polyglass.explorer.ask import RunRequest
from polyglass.explorer.export import export_page
from polyglass.explorer.look import Explorer

# The page shows float32 numbers of a second pass over the same model, and its own sums of them in float64.
CLOSE = 1e-4
KINDS = {
    "encoder": "encoder.layers.1.self_attention",
    "decoder": "decoder.layers.1.self_attention",
    "cross": "decoder.layers.1.cross_attention",
}
STAGES = range(7, 15)
LEVELS = ("learner", "detail", "debug")


def assert_close(shown: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(shown.double(), expected.double(), atol=CLOSE, rtol=0)


def checks(watched: Watched) -> list[float]:
    """Return the largest difference that each of the page's own checks found, all of which must be good."""
    found = watched.page.locator("[data-check]").evaluate_all("all => all.map(one => ({...one.dataset}))")
    assert all(one["check"] == "good" for one in found), found
    return [float(one["largest"]) for one in found]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_the_search_of_a_word_shows_the_recorded_scores_and_shares(
    watched: Watched, site: Site, model: str, kind: str
) -> None:
    watched.open(f"stage=7&model={model}&kind={kind}&layer=1&head=2&i=3&table=1")
    shown = watched.numbers("library")
    assert_close(shown[:, 0], site.trace(model, f"{KINDS[kind]}.scores")[2, 3])
    weights = site.trace(model, f"{KINDS[kind]}.weights")[2, 3]
    assert_close(shown[:, 1], weights)
    assert_close(shown[:, 2], weights)


def test_a_sharper_search_comes_near_to_the_value_of_the_best_word(watched: Watched, site: Site) -> None:
    watched.open("stage=7&model=pre&head=1&i=2&soft=0.03125&table=1")
    shares = watched.numbers("library")[:, 2]
    scores = site.trace("pre", "encoder.layers.0.self_attention.scores")[1, 2].double()
    assert_close(shares, (scores / 0.03125).softmax(0))
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_every_cell_of_a_head_is_the_recorded_weight(watched: Watched, site: Site, model: str, kind: str) -> None:
    watched.open(f"stage=8&model={model}&kind={kind}&layer=1&head=3&table=weights")
    shown = watched.numbers("weights")
    assert_close(shown, site.trace(model, f"{KINDS[kind]}.weights")[3])
    assert shown.sum(1).tolist() == pytest.approx([1] * len(shown), abs=1e-6)
    if kind == "decoder":
        assert shown.triu(1).abs().max() == 0


def test_heads_are_joined_by_average_maximum_and_rollout(watched: Watched, site: Site) -> None:
    weights = [site.trace("pre", f"encoder.layers.{layer}.self_attention.weights").double() for layer in (0, 1)]
    watched.open("stage=8&model=pre&layer=1&join=average&table=weights")
    assert_close(watched.numbers("weights"), weights[1].mean(0))
    watched.open("stage=8&model=pre&layer=1&join=max&table=weights")
    assert_close(watched.numbers("weights"), weights[1].amax(0))
    watched.open("stage=8&model=pre&layer=1&join=rollout&table=weights")
    half = torch.eye(weights[0].shape[1]).double() / 2
    assert_close(watched.numbers("weights"), (weights[1].mean(0) / 2 + half) @ (weights[0].mean(0) / 2 + half))


def test_pieces_are_joined_to_words_and_rows_still_sum_to_one(watched: Watched, site: Site) -> None:
    watched.open("stage=8&model=pre&layer=0&head=0&unit=words&table=weights")
    shown = watched.numbers("weights")
    pieces = site.translators["pre"].trace(TEXT, TARGET, keep=("none",)).source_pieces
    words = len(TEXT.replace(".", " .").split()) + 1
    assert shown.shape == (words, words)
    assert len(pieces) > words, "the sentence is cut into more pieces than words, or this shows nothing"
    assert shown.sum(1).tolist() == pytest.approx([1] * words, abs=1e-6)
    # The first word's pieces begin at 0, and the last word is the end mark: one piece, one column.
    weights = site.trace("pre", "encoder.layers.0.self_attention.weights")[0].double()
    assert shown[-1, -1] == pytest.approx(float(weights[-1, -1]), abs=CLOSE)


def test_all_heads_of_all_layers_are_offered_and_a_click_makes_one_large(watched: Watched) -> None:
    watched.open("stage=8&model=pre&kind=cross")
    thumbs = watched.page.locator(".thumb")
    assert thumbs.count() == 2 * 4
    thumbs.nth(6).click()
    watched.page.wait_for_selector(".thumb.chosen >> nth=0")
    watched.wait()
    state = watched.page.evaluate("location.hash")
    assert "layer=1" in state
    assert "head=2" in state


def test_a_head_that_is_off_changes_the_output_by_the_figures_shown(watched: Watched, site: Site) -> None:
    watched.open("stage=8&model=pre&kind=cross&layer=1&head=0&table=switch", target="")
    for head in (1, 2):
        watched.page.get_by_role("switch", name=f"Head {head}", exact=True).click()
        watched.wait()
        watched.page.wait_for_selector(f".thumb.off >> nth={head - 1}")
    shown = watched.numbers("switch")
    best = site.translators["pre"].translate([TEXT], beam_size=1)[0].candidates[0]
    assert shown[:, 0].log().tolist() == pytest.approx(list(best.token_log_probs), abs=CLOSE)
    assert (shown[:, 0] - shown[:, 1]).abs().max() > 0.001
    assert json.loads(watched.page.evaluate("new URLSearchParams(location.hash.slice(1)).get('edits')")) == [
        {"kind": "heads_off", "path": "decoder.layers.1.cross_attention", "heads": [0, 1]}
    ]
    watched.page.get_by_role("button", name="All heads on").click()
    watched.wait()
    assert watched.page.locator(".thumb.off").count() == 0


def test_the_three_answers_to_why_stand_beside_each_other_with_their_agreement(watched: Watched, site: Site) -> None:
    watched.open("stage=8&model=pre&step=2&table=why")
    rows = watched.table("why")
    config = site.translators["pre"].bundle.config.model
    path = f"decoder.layers.{max(0, config.decoder_layers - 2)}.cross_attention.weights"
    weights = site.trace("pre", path).double().mean(0)[2]
    assert sum(row[1] for row in rows) == pytest.approx(float(weights.sum()), abs=CLOSE)
    assert rows[-1][1] == pytest.approx(float(weights[-1]), abs=CLOSE), "the end mark is a word of its own"
    assert rows[-1][3] == "–", "the end mark cannot be left out"
    assert all(isinstance(row[3], float) for row in rows[:-1])
    assert watched.page.locator(".why-agreement dd").count() == 3
    # The sentence names the word that leave-one-out finds most important.
    most = max(rows[:-1], key=lambda row: abs(row[3]))[0]
    assert f"“{most}”" in watched.text('figure[data-figure="why"] .summary')


def test_words_are_tied_by_the_cross_attention_that_the_table_shows(watched: Watched) -> None:
    watched.open("stage=8&model=pre&table=links")
    shown = watched.numbers("links")
    assert shown.sum(1).tolist() == pytest.approx([1] * len(shown), abs=1e-6)
    first = watched.page.locator(".links section").first.locator("li").first.locator("bdi").nth(1)
    sources = watched.page.locator('table[data-figure="links"] thead th').all_text_contents()[1:]
    assert first.text_content() == sources[int(shown[0].argmax())]


@pytest.mark.parametrize("model", MODELS)
def test_hidden_cells_are_exactly_zero_and_padding_changes_nothing(watched: Watched, site: Site, model: str) -> None:
    watched.open(f"stage=9&model={model}&layer=1&head=1&table=1")
    causal = watched.numbers("causal")
    assert_close(causal, site.trace(model, "decoder.layers.1.self_attention.weights")[1])
    assert causal.triu(1).abs().max() == 0
    padded = watched.numbers("padded")
    batch = watched.table("batch")
    real = min(sum(piece != "pad" for piece in row[1:]) for row in batch)
    assert real < len(padded), "one sentence is shorter than the others, or this shows nothing"
    assert padded[:, real:].abs().max() == 0
    assert padded[:real].sum(1).tolist() == pytest.approx([1] * real, abs=1e-6)


def test_the_lifted_mask_leaks_as_much_as_the_figures_say(watched: Watched) -> None:
    watched.open("stage=9&model=pre&layer=0&head=2&table=1")
    assert watched.page.locator('[data-figure="lifted"]').count() == 0
    watched.page.get_by_role("switch", name="Lift the causal mask (display only)").click()
    watched.page.wait_for_selector('table[data-figure="lifted"]')
    lifted = watched.numbers("lifted")
    assert lifted.sum(1).tolist() == pytest.approx([1] * len(lifted), abs=1e-6)
    assert lifted.triu(1).sum() > 0
    heads = watched.table("leak-heads")
    share = next(row[2] for row in heads if row[:2] == [1, 3])
    before_last = lifted[:-1]  # the last word has no words to come
    assert share == pytest.approx(float(before_last.triu(1).sum(1).mean()), abs=0.02) or share == pytest.approx(
        float(lifted.triu(1).sum(1).mean()), abs=CLOSE
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_queries_keys_and_values_are_the_recorded_ones_and_each_number_is_a_dot_product(
    watched: Watched, site: Site, model: str, kind: str
) -> None:
    watched.open(f"stage=10&model={model}&kind={kind}&layer=1&head=2&i=1&j=4&r=3&table=1&terms=query")
    for name, letter, place in (("query", "q", 1), ("key", "k", 4), ("value", "v", 4)):
        shown = watched.numbers(name)
        recorded = site.trace(model, f"{KINDS[kind]}.{letter}")[2, place]
        assert_close(shown[:, 0], recorded)
        assert_close(shown[:, 1], recorded)
        total = watched.page.locator(f'[data-spelled="{name}"] .spelled-total strong').get_attribute("data-value")
        assert float(total) == pytest.approx(float(recorded[3]), abs=CLOSE)
    terms = watched.page.locator('[data-spelled="query"] .term').count()
    assert terms == 16 + (MODELS[model].get("attention_bias") is True)
    assert len(checks(watched)) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_the_page_repeats_a_row_of_attention_and_agrees_with_torch(
    watched: Watched, site: Site, model: str, kind: str
) -> None:
    watched.open(f"stage=11&model={model}&kind={kind}&layer=1&head=1&i=2&table=1")
    row = watched.numbers("row")
    scores, weights = (site.trace(model, f"{KINDS[kind]}.{name}")[1, 2] for name in ("scores", "weights"))
    visible = scores > -math.inf
    assert_close(row[visible][:, 1], scores[visible])
    assert (row[~visible][:, 2] == -math.inf).all()
    assert (row[~visible][:, 4] == 0).all()
    assert_close(row[:, 0], row[:, 1] * math.sqrt(4))
    assert_close(row[:, 4], weights)
    assert_close(row[:, 5], weights)
    assert row[:, 4].sum() == pytest.approx(1, abs=1e-9)
    mixed = watched.numbers("mix", first=2)
    z = site.trace(model, f"{KINDS[kind]}.heads")[1, 2]
    assert_close(mixed[-2], z)
    assert_close(mixed[-1], z)
    assert max(checks(watched)) < CLOSE
    assert "10⁻⁴" in watched.text("[data-check]")


def test_without_the_root_the_row_is_that_of_a_softmax_of_larger_scores(watched: Watched, site: Site) -> None:
    watched.open("stage=11&model=pre&layer=1&head=1&i=2&unscaled=1&table=1")
    raw = site.trace("pre", "encoder.layers.1.self_attention.scores")[1, 2].double() * math.sqrt(4)
    assert_close(watched.numbers("row")[:, 4], raw.softmax(0))
    assert_close(watched.numbers("saturation")[:, 1], raw.softmax(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_the_parts_of_all_heads_add_up_to_the_output(watched: Watched, site: Site, model: str, kind: str) -> None:
    watched.open(f"stage=12&model={model}&kind={kind}&layer=1&i=3&o=5&table=1")
    output = site.trace(model, f"{KINDS[kind]}.output")[3]
    attention: Any = site.translators[model].bundle.model.get_submodule(KINDS[kind])
    z = site.trace(model, f"{KINDS[kind]}.heads")[:, 3]
    with torch.no_grad():
        expected = torch.stack([attention.w_o.weight[:, 4 * head : 4 * head + 4] @ z[head] for head in range(4)])
    parts = watched.numbers("parts")
    assert_close(parts[:4, 3:], expected)
    assert_close(parts[:4, 0], expected.norm(dim=1))
    assert_close(parts[-2, 3:], output)
    assert_close(parts[-1, 3:], output)
    assert parts[:-2, 1].sum() == pytest.approx(1, abs=CLOSE)
    assert watched.numbers("number")[-2].item() == pytest.approx(float(output[5]), abs=CLOSE)
    assert len(checks(watched)) == 2


SUBLAYERS = {
    "encoder.attention": "encoder.layers.1.self_attention",
    "encoder.ffn": "encoder.layers.1.feed_forward",
    "decoder.attention": "decoder.layers.1.self_attention",
    "decoder.cross": "decoder.layers.1.cross_attention",
    "decoder.ffn": "decoder.layers.1.feed_forward",
}


@pytest.mark.parametrize("sublayer", SUBLAYERS)
@pytest.mark.parametrize("model", MODELS)
def test_residual_and_norm_are_the_recorded_ones(watched: Watched, site: Site, model: str, sublayer: str) -> None:
    watched.open(f"stage=13&model={model}&sub={sublayer}&layer=1&i=2&table=1")
    path = SUBLAYERS[sublayer]
    added = watched.numbers("add")
    assert_close(added[0] + added[1], added[2])
    assert_close(added[1], site.trace(model, f"{path}.output")[2])
    assert_close(added[2], site.trace(model, f"{path}_residual.residual")[2])
    norm = watched.numbers("norm", first=3)
    assert_close(norm[-1], site.trace(model, f"{path}_residual.norm")[2])
    assert_close(norm[0], added[0] if MODELS[model]["norm_place"] == "pre" else added[2])
    hidden = site.trace(model, f"{path.rsplit('.', 1)[0]}.feed_forward.hidden")[2]
    shown = watched.numbers("hidden", first=2)[:, 0]
    assert_close(shown, hidden.sort(descending=True).values)
    assert max(checks(watched)) < CLOSE


def test_the_share_of_zeros_and_the_strongest_inner_number_are_said_in_words(watched: Watched, site: Site) -> None:
    watched.open("stage=13&model=pre&sub=encoder.ffn&layer=0&i=1&table=1")
    hidden = site.trace("pre", "encoder.layers.0.feed_forward.hidden")[1]
    said = watched.text('figure[data-figure="hidden"] .summary')
    zeros = float((hidden == 0).float().mean())
    assert f"{round(100 * zeros)} %" in said
    assert f"number {int(hidden.argmax())}" in said
    assert f"{float(hidden.max()):.3f}" in said


def test_batch_norm_frames_a_column_and_layer_norm_a_row(watched: Watched, site: Site) -> None:
    watched.open("stage=13&model=pre&sub=encoder.attention&layer=0&i=1&f=3&norm=batch")
    before = site.trace("pre", "encoder.embedded").double()
    after = (before[1, 3] - before[:, 3].mean()) / (before[:, 3].var(correction=0) + 1e-5).sqrt()
    assert f"{float(after):.3f}".replace("-", "−") in watched.text('figure[data-figure="norm-kinds"] .summary')
    assert watched.page.locator(".norm-kinds.takes-column").count() == 1
    watched.open("stage=13&model=pre&sub=encoder.attention&layer=0&i=1&f=3&norm=layer")
    after = torch.nn.functional.layer_norm(before[1], (16,))[3]
    assert f"{float(after):.3f}".replace("-", "−") in watched.text('figure[data-figure="norm-kinds"] .summary')
    assert watched.page.locator(".norm-kinds.takes-row").count() == 1


PROGRAMS = {
    "projection": ("stage=10&i=2&head=1&r=2&layer=1&kind=cross", "decoder.layers.1.cross_attention.q", (1, 2, 2), "q"),
    "attention": ("stage=11&i=2&head=1&layer=1&kind=decoder", "decoder.layers.1.self_attention.heads", (1, 2), "z"),
    "head": ("stage=8&head=1&layer=1&kind=decoder", "decoder.layers.1.self_attention.weights", (1, -1), "weights"),
    "concat": ("stage=12&i=2&o=4&layer=1&kind=encoder", "encoder.layers.1.self_attention.output", (2, 4), "output"),
    "norm": ("stage=13&i=2&layer=1&sub=decoder.cross", "decoder.layers.1.cross_attention_residual.norm", (2,), "norm"),
    "feed_forward": ("stage=13&i=2&layer=1&sub=encoder.ffn", "encoder.layers.1.feed_forward.output", (2, 0), "output"),
}


def printed_by(program: str, *, alone: bool) -> str:
    """Run a program with nothing but its own names. alone: in a process of its own, which has to load PyTorch anew."""
    if alone:
        return subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=True).stdout
    with redirect_stdout(StringIO()) as output:
        exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    return output.getvalue()


@pytest.mark.parametrize("language", ["numpy", "pytorch"])
@pytest.mark.parametrize("step", PROGRAMS)
@pytest.mark.parametrize("model", MODELS)
def test_a_copied_program_runs_by_itself_and_prints_the_recorded_numbers(
    watched: Watched, site: Site, model: str, step: str, language: str
) -> None:
    if language == "numpy":
        pytest.importorskip("numpy")
    state, path, place, name = PROGRAMS[step]
    watched.open(f"{state}&model={model}&code={language}&take={step}&program=1")
    program = watched.text(f'[data-snippet="{step}"]')
    watched.page.locator(".snippet .button.primary").click()
    assert watched.page.evaluate("navigator.clipboard.readText()") == program
    lines = printed_by(program, alone=(model, step) == ("pre", "projection")).splitlines()
    printed = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines}
    shown = torch.tensor(ast.literal_eval(printed[name].replace("-inf", "-1e999")))
    assert_close(shown, torch.atleast_1d(site.trace(model, path)[place]))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_right_answer_is_called_right_and_a_wrong_one_wrong(watched: Watched, number: int) -> None:
    watched.open(f"stage=14&model=pre&pass={number}")
    cards = watched.page.locator(".card-quiz")
    assert cards.count() >= 3
    for index in range(cards.count()):
        cards.nth(index).locator(".answer").first.click()
        watched.wait()
    assert watched.page.locator(".answer.right").count() == cards.count()
    wrong = watched.page.locator(".answer.wrong").count()
    assert f"{cards.count() - wrong} of {cards.count()}" in watched.text(".quiz-score")


def test_the_question_about_the_largest_weight_has_the_answer_of_the_tensor(watched: Watched, site: Site) -> None:
    watched.open("stage=14&model=pre&pass=2&layer=1&head=2&kind=encoder&quiz_look=0")
    weights = site.trace("pre", "encoder.layers.1.self_attention.weights")[2]
    two = weights.topk(2, dim=1).values
    row = int((two[:, 0] - two[:, 1]).argmax())
    pieces = site.translators["pre"].trace(TEXT, TARGET, keep=("none",)).source_pieces
    right = watched.text(".card-quiz:first-of-type .answer.right bdi, .card-quiz:first-of-type .answer.right")
    assert right.startswith(pieces[int(weights[row].argmax())].replace("▁", "").strip() or "▁")


def test_the_link_for_a_class_opens_the_chosen_stage_on_the_same_sentence(watched: Watched) -> None:
    watched.open("stage=14&model=post&opens=11&for=debug&i=3&head=2&kind=cross&layer=1")
    link = watched.page.locator("[data-link]").input_value()
    watched.page.locator(".teacher .button.primary").click()
    assert watched.page.evaluate("navigator.clipboard.readText()") == link
    assert "token" not in link
    watched.page.evaluate("address => { document.body.dataset.ready = 'false'; location.hash = address; }", link)
    watched.page.wait_for_selector('body[data-ready="true"][data-stage="11"]')
    assert watched.text("h1").startswith("One row of attention")
    assert "toy-post" in watched.text("#bar option:checked >> nth=0")
    assert watched.page.locator(".chip.chosen").first.text_content()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_figure_has_a_table_twin_and_a_sentence(watched: Watched, stage: int, level: str) -> None:
    watched.open(f"stage={stage}&level={level}&model=pre&table=1&lift=1&step=1")
    figures = watched.page.locator("figure.figure")
    if stage != 14:
        assert figures.count() > 0
    for index in range(figures.count()):
        figure = figures.nth(index)
        name = figure.get_attribute("data-figure")
        assert figure.locator("table[data-figure]").count() == 1, name
        assert len(figure.locator(".summary").first.text_content() or "") > 20, name
    # Formulas may have braces; words may not: there they are values that were forgotten.
    watched.page.evaluate("document.querySelectorAll('math').forEach(formula => formula.remove())")
    said = watched.page.locator("body").inner_text()
    for wrong in ("stage.", "undefined", "NaN", "[object", "{", "false"):
        assert wrong not in said.replace("stage.js", ""), (wrong, said[max(0, said.find(wrong) - 80) :][:160])
    assert watched.page.locator(".card-warn[role=alert]").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_stage_is_wider_than_the_screen_or_has_a_serious_fault_of_access(
    browser: Any, site: Site, width: int, scheme: str
) -> None:
    with watched_page(browser, site, width=width, scheme=scheme) as watched:
        for stage in STAGES:
            watched.open(f"stage={stage}&model=pre&lift=1&level=detail&program=1&quiz_look=1&quiz_rows=0")
            over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert watched.page.evaluate(over) <= 0, stage
            assert axe_findings(watched.page) == [], stage
        assert watched.faults == []


# What has the focus, by its key; and the keys that can have it at all.
FOCUSED = """() => {
  const active = document.activeElement;
  return document.getElementById("view").contains(active) ? active.closest("[data-key]")?.dataset.key ?? "" : "";
}"""
REACHABLE = """() => {
  const usable = "button, input, select, [tabindex]";
  return [...document.querySelectorAll("#view [data-key]")]
    .filter(one => one.matches(usable) || one.querySelector(usable)).map(one => one.dataset.key);
}"""


@pytest.mark.parametrize("stage", STAGES)
def test_every_control_can_be_reached_by_keyboard(watched: Watched, stage: int) -> None:
    watched.open(f"stage={stage}&model=pre")
    wanted = set(watched.page.evaluate(REACHABLE))
    reached = set()
    for _ in range(160):
        watched.page.keyboard.press("Tab")
        reached.add(watched.page.evaluate(FOCUSED))
    assert wanted <= reached


def test_the_pictures_of_all_heads_are_walked_with_arrow_keys(watched: Watched) -> None:
    watched.open("stage=8&model=pre&kind=encoder")
    watched.page.locator(".thumb.chosen").focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        watched.page.keyboard.press(key)
    watched.page.wait_for_selector(".gallery-row:nth-child(2) .thumb.chosen")
    watched.wait()
    assert watched.page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("layer 2, head 2")


def test_a_long_sentence_says_what_it_does_not_show(watched: Watched) -> None:
    text = " ".join([TEXT] * 5)
    watched.open("stage=8&model=pre&table=weights&unit=pieces", text=text, target="")
    rows = watched.table("weights")
    assert len(rows) > 64, "the table stays complete"
    assert "64" in watched.text('figure[data-figure="weights"] .window-banner')
    watched.open("stage=7&model=pre&table=library", text=text, target="")
    assert "16 of" in watched.text('figure[data-figure="library"] > .note')
    assert len(watched.table("library")) == len(rows)
    watched.open("stage=11&model=pre&table=row", text=text, target="")
    assert "others" in watched.text(".worked-table")
    assert len(watched.table("row")) == len(rows)
    assert max(checks(watched)) < CLOSE


@pytest.fixture(scope="module")
def saved_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved page of the first model."""
    looked_at = subject(**MODELS["pre"])
    request = RunRequest(model="a", text=TEXT, target=TARGET)
    file = tmp_path_factory.mktemp("saved") / "page.html"
    file.write_bytes(export_page(Explorer([replace(looked_at, id="a")]), request))
    return file


def test_a_saved_page_shows_the_same_numbers_from_disk_without_a_network(
    browser: Any, site: Site, saved_file: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_offline(True)
    page = context.new_page()
    watched = Watched(page, site)
    page.on("pageerror", lambda error: watched.faults.append(str(error)))
    page.on("request", lambda request: watched.faults.append(request.url) if "://" in request.url[4:] else None)
    page.goto(f"{saved_file.as_uri()}#stage=7")
    watched.faults.clear()
    for stage in STAGES:
        watched.open(f"stage={stage}&layer=1&head=2&i=2&table=1&lift=1", text="", target="")
        assert page.locator(".card-warn[role=alert]").count() == 0, stage
        assert page.locator("[data-check=bad]").count() == 0, stage
        if stage == 8:
            assert_close(watched.numbers("weights"), site.trace("pre", "encoder.layers.1.self_attention.weights")[2])
        if stage == 11:
            shown = watched.numbers("row")[:, 4]
            assert_close(shown, site.trace("pre", "encoder.layers.1.self_attention.weights")[2, 2])
            assert max(checks(watched)) < CLOSE
    assert watched.faults == []
    context.close()


def test_hostile_text_stays_text(watched: Watched) -> None:
    attack = '<img src=x onerror="window.hacked=1"> </script> "\u202e'
    for stage in STAGES:
        watched.open(f"stage={stage}&model=pre&program=1&table=1", text=attack, target="")
    assert watched.page.evaluate("window.hacked") is None
    assert watched.page.locator("#view img").count() == 0
