"""A model folder is whole, its own, and harmless, or it is refused by name."""

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from faults import PowerCuts, call_fails, refusal
from polyglass.bundle import Bundle, load_bundle, save_bundle
from polyglass.config import Config
from polyglass.errors import BundleError, ConfigError, InputError, OutOfSpaceError
from polyglass.files import LEFTOVER_PREFIX
from polyglass.parameters import parameters_by_part, weights_of
from polyglass.weights import load_weights, read_notes, save_weights
from tiny_bundle import FACTS, tiny_bundle, tiny_folder, tiny_subwords

PROVEN = ("config.json", "tokenizer.model", "model.safetensors")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("made") / "en-de")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "en-de"))


def edit_config(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change config.json and make the weights pin the new one, as an attacker would."""
    document = json.loads((folder / "config.json").read_bytes())
    change(document)
    repin(folder, json.dumps(document).encode())


def repin(folder: Path, config: bytes) -> None:
    (folder / "config.json").write_bytes(config)
    tensors, notes = load_weights(folder / "model.safetensors")
    notes["config_sha256"] = hashlib.sha256(config).hexdigest()
    save_weights(folder / "model.safetensors", tensors, notes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"joint": False},
        {"joint": False, "tie_embeddings": "none"},
        {"norm": "batch"},
        {"norm": "rms", "norm_place": "pre", "positions": "learned", "attention_bias": True},
        {"family": "rnn"},
        {"family": "gru", "attention": "additive", "bidirectional": False},
        {"family": "lstm", "attention": "general", "input_feeding": True, "joint": False},
    ],
)
def test_a_loaded_bundle_computes_bit_for_bit_what_the_saved_one_did(tmp_path: Path, changes: dict[str, Any]) -> None:
    saved = tiny_bundle(**changes)
    save_bundle(tmp_path / "m", saved)
    loaded = load_bundle(tmp_path / "m")
    source, target = torch.tensor([[7, 8, 9, 2]]), torch.tensor([[1, 5, 6]])
    with torch.inference_mode():
        assert torch.equal(loaded.model(source, target), saved.model(source, target))
    assert loaded.config == saved.config
    assert loaded.facts == saved.facts
    assert (loaded.source_lang, loaded.target_lang) == ("en", "de")
    assert loaded.subwords.encode_source(["A small dog."]) == saved.subwords.encode_source(["A small dog."])


def test_a_loaded_model_is_ready_to_translate(made: Path) -> None:
    model = load_bundle(made).model
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_tied_embeddings_are_stored_once_and_stay_tied(made: Path) -> None:
    model = load_bundle(made).model
    assert model.source_embedding.weight is model.output.weight  # type: ignore[union-attr]
    assert sum(parameters_by_part(model).values()) == sum(tensor.numel() for tensor in weights_of(model).values())


@pytest.mark.parametrize("changes", [{}, {"family": "lstm", "attention": "additive"}], ids=str)
def test_loading_leaves_everybodys_random_numbers_alone(tmp_path: Path, changes: dict[str, Any]) -> None:
    tiny_folder(tmp_path / "m", **changes)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_bundle(tmp_path / "m")
    assert torch.equal(torch.rand(3), expected)


def test_saving_the_same_bundle_again_changes_no_byte(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    save_bundle(folder, load_bundle(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_better_model_with_a_changed_config_takes_the_place_of_the_old_one(folder: Path) -> None:
    bundle = tiny_bundle(seed=2)
    changed = Config(model=bundle.config.model, train=bundle.config.train.model_copy(update={"seed": 77}))
    save_bundle(folder, replace(bundle, config=changed, facts={"step": 2400}))
    assert load_bundle(folder).config.train.seed == 77
    assert load_bundle(folder).facts == {"step": 2400}
    assert sorted(path.name for path in folder.iterdir()) == sorted([*PROVEN, "card.md"])


def test_a_model_with_another_tokenizer_needs_another_folder(folder: Path) -> None:
    with pytest.raises(InputError, match="holds a model with another tokenizer"):
        save_bundle(folder, tiny_bundle(size=340))
    assert load_bundle(folder).facts == FACTS


def test_a_damaged_model_can_be_replaced_by_a_new_one(folder: Path) -> None:
    for name in PROVEN:
        (folder / name).write_bytes(b"rubbish")
    save_bundle(folder, tiny_bundle())
    assert load_bundle(folder).facts == FACTS


def test_the_card_says_what_a_person_wants_to_know(made: Path) -> None:
    card = (made / "card.md").read_text(encoding="utf-8")
    for text in ("en to de", "d_model 16", "| pairs kept | 28,914 |", "dropped: duplicate", "59.8 (58.9 to 60.6)"):
        assert text in card
    for text in ("nrefs:1\\|case:mixed", "13 min", "step 1,200", "## Limits", "longer ones than 63 subwords"):
        assert text in card


@pytest.mark.parametrize("facts", [{}, {"scores": 3, "data": [1], "history": [None, {"step": "x"}], "seconds": "?"}])
def test_facts_that_are_missing_or_of_another_shape_spoil_no_card(tmp_path: Path, facts: dict[str, Any]) -> None:
    save_bundle(tmp_path / "m", replace(tiny_bundle(), facts=facts))
    assert "None were measured" in (tmp_path / "m" / "card.md").read_text(encoding="utf-8")
    assert load_bundle(tmp_path / "m").facts == facts


def test_facts_cannot_smuggle_markup_or_control_characters_into_the_card(tmp_path: Path) -> None:
    facts = {"scores": [{"metric": "x", "value": 1, "on": "a|b<script>\n## Scores\x1b]0;"}]}
    save_bundle(tmp_path / "m", replace(tiny_bundle(), facts=facts))
    card = (tmp_path / "m" / "card.md").read_text(encoding="utf-8")
    assert "a\\|b&lt;script>?## Scores?]0;" in card


def test_no_system_call_of_a_save_may_cost_the_old_model(folder: Path) -> None:
    new = replace(tiny_bundle(seed=2), facts={"step": 2}, config=Config(model=tiny_bundle().config.model))
    pristine = {path.name: path.read_bytes() for path in folder.iterdir()}
    seen = set()
    for number in range(1, 200):
        for name, content in pristine.items():
            (folder / name).write_bytes(content)
        with call_fails(number) as counter:
            message = refusal(lambda: save_bundle(folder, new))
        assert not counter.failed or str(folder) in message
        assert not list(folder.glob(LEFTOVER_PREFIX + "*"))
        seen.add(load_bundle(folder).facts.get("step"))
        if not counter.failed:
            break
    assert seen == {1200, 2}
    assert number > 20


def test_the_next_save_finishes_what_a_failed_one_left(folder: Path) -> None:
    new = replace(tiny_bundle(seed=2), config=Config(model=tiny_bundle().config.model, data=tiny_bundle().config.data))
    other = Config(model=new.config.model, train=new.config.train.model_copy(update={"seed": 9}))
    for number in range(1, 60, 3):
        half = replace(new, config=other, facts={"step": number})
        with call_fails(number):
            refusal(partial(save_bundle, folder, half))
        save_bundle(folder, replace(new, facts={"step": -number}))
        assert load_bundle(folder).facts == {"step": -number}
        assert not (folder / "config.next.json").exists()


@pytest.mark.parametrize("new_config", [False, True])
def test_after_a_power_cut_at_any_moment_the_old_or_the_new_model_loads(folder: Path, new_config: bool) -> None:
    new = replace(tiny_bundle(seed=2), facts={"step": 2})
    if new_config:
        new = replace(new, config=Config(model=new.config.model))
    cuts = PowerCuts(folder)
    with cuts.recording():
        save_bundle(folder, new)
    seen = [load_after(disk, folder.parent / "image") for disk in distinct(cuts.disks())]
    assert set(seen) == {1200, 2}


def test_after_a_power_cut_in_a_first_save_the_model_is_whole_or_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    cuts = PowerCuts(tmp_path / "m")
    with cuts.recording():
        save_bundle(tmp_path / "m", tiny_bundle())
    seen = [load_after(disk, tmp_path / "image") for disk in distinct(cuts.disks())]
    assert set(seen) == {1200, None}


def distinct(disks: Iterator[dict[str, bytes]]) -> list[dict[str, bytes]]:
    return [dict(items) for items in {tuple(sorted(disk.items())) for disk in disks}]


def load_after(disk: dict[str, bytes], image: Path) -> int | None:
    shutil.rmtree(image, ignore_errors=True)
    image.mkdir()
    for name, content in disk.items():
        (image / name).write_bytes(content)
    try:
        return int(load_bundle(image).facts["step"])
    except BundleError:
        return None


def test_a_save_onto_a_disk_that_is_really_full_keeps_the_old_model(folder: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        save_bundle(disk / "m", tiny_bundle())
        large = tiny_bundle(d_model=256, d_ff=512)
        with pytest.raises(OutOfSpaceError, match=r"model\.safetensors cannot be written: No space left"):
            save_bundle(disk / "m", large)
        assert load_bundle(disk / "m").config.model.d_model == 16
        assert not list((disk / "m").glob(LEFTOVER_PREFIX + "*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", PROVEN)
def test_one_flipped_bit_at_any_of_200_places_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    chance = random.Random(1)
    for place in chance.sample(range(len(content) * 8), 200):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        (folder / name).write_bytes(flipped)
        with pytest.raises(BundleError) as caught:
            load_bundle(folder)
        assert name in str(caught.value)


@pytest.mark.parametrize("name", PROVEN)
def test_a_file_cut_at_any_of_50_lengths_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for length in random.Random(1).sample(range(len(content)), 50):
        (folder / name).write_bytes(content[:length])
        with pytest.raises(BundleError) as caught:
            load_bundle(folder)
        assert name in str(caught.value)


@pytest.mark.parametrize("name", PROVEN)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name.removesuffix(".model")):
        load_bundle(folder)


def test_a_swapped_tokenizer_is_refused_though_it_is_a_good_one(folder: Path) -> None:
    tiny_subwords(size=340).save(folder)
    with pytest.raises(BundleError, match=r"tokenizer\.model is not the tokenizer that this model was trained with"):
        load_bundle(folder)


def test_the_config_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tiny_folder(tmp_path / "other", d_ff=32)
    shutil.copy(other / "config.json", folder)
    with pytest.raises(BundleError, match=r"config\.json does not belong to model\.safetensors"):
        load_bundle(folder)


def test_an_edited_config_is_refused(folder: Path) -> None:
    text = (folder / "config.json").read_text(encoding="utf-8").replace('"beam_size": 5', '"beam_size": 4')
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match="damaged, edited or replaced"):
        load_bundle(folder)


def test_numbers_that_do_not_fit_the_config_are_refused_before_memory_is_taken(folder: Path) -> None:
    def giant(document: dict[str, Any]) -> None:
        document["config"]["model"] |= {"d_model": 16384, "num_heads": 4, "d_ff": 65536, "encoder_layers": 128}

    edit_config(folder, giant)
    with pytest.raises(BundleError, match=r"model\.safetensors does not fit config\.json: tensor .* should be"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoder_layers": 10**9}, r"config\.model\.encoder_layers: .*less than or equal to 128"),
        ({"d_model": -1}, r"config\.model\.d_model"),
        ({"d_model": "512"}, r"config\.model\.d_model"),
        ({"dropout": float("nan")}, r"config\.model\.dropout"),
        ({"unknown": 1}, r"config\.model\.unknown"),
        ({"num_heads": 5}, "must be a multiple"),
        ({"d_ff": 25}, r"does not fit config\.json"),
        ({"decoder_layers": 1}, r"does not fit config\.json"),
        ({"tie_embeddings": "none"}, r"does not fit config\.json"),
        ({"norm": "batch"}, r"does not fit config\.json"),
        ({"positions": "learned"}, r"does not fit config\.json"),
    ],
)
def test_impossible_and_unfitting_options_are_refused_by_name(
    folder: Path, change: dict[str, Any], reason: str
) -> None:
    edit_config(folder, lambda document: document["config"]["model"].update(change))
    with pytest.raises(BundleError, match=reason):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"family": "gru"}, r"does not fit config\.json"),
        ({"family": "transformer"}, r"config\.model\.bidirectional"),
        ({"family": "mamba"}, r"config\.model: .*'transformer', 'rnn', 'gru', 'lstm'"),
        ({"attention": "dot"}, r"does not fit config\.json"),
        ({"bidirectional": False}, r"does not fit config\.json"),
        ({"input_feeding": True}, "goes with model.attention=dot or general"),
        ({"num_heads": 2}, r"config\.model\.num_heads"),
    ],
)
def test_a_recurrent_model_s_options_must_fit_its_numbers_too(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    folder = tiny_folder(tmp_path / "m", family="lstm", attention="additive")
    edit_config(folder, lambda document: document["config"]["model"].update(change))
    with pytest.raises(BundleError, match=reason):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vocabulary", {"source": 10**12, "target": 10**12}),
        ("vocabulary", {"source": True, "target": 4.0}),
        ("vocabulary", None),
        ("source_lang", 7),
        ("tokenizer_sha256", ["x"]),
        ("config", None),
        ("extra", 1),
    ],
)
def test_a_config_of_another_shape_is_refused(folder: Path, key: str, value: Any) -> None:
    edit_config(folder, lambda document: document.update({key: value}))
    with pytest.raises(BundleError, match=r"config\.json is damaged"):
        load_bundle(folder)


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    edit_config(folder, lambda document: document.update({"vocabulary": {"source": 331, "target": 330}}))
    with pytest.raises(BundleError, match=r"tokenizer\.model is not the tokenizer"):
        load_bundle(folder)


def test_numbers_that_are_not_finite_or_of_another_type_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors, notes = load_weights(path)
    name = next(iter(tensors))
    for wrong, reason in (
        (tensors[name] * float("nan"), "not finite, in " + name),
        (tensors[name].to(torch.float64), f"{name} must be torch.float32"),
    ):
        save_weights(path, {**tensors, name: wrong}, notes)
        with pytest.raises(BundleError, match=reason):
            load_bundle(folder)


def test_a_newer_format_asks_for_an_upgrade(folder: Path) -> None:
    edit_config(folder, lambda document: document.update({"format": 2, "polyglass": "9.1"}))
    with pytest.raises(BundleError, match=r"has format 2, written by polyglass 9\.1; .*Upgrade: pip install"):
        load_bundle(folder)


def test_what_is_no_model_folder_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "pytorch_model.bin").write_bytes(b"")
    for path, reason in (
        (tmp_path / "absent", "does not exist"),
        (folder / "model.safetensors", r"is a file\. Name the folder"),
        (tmp_path / "foreign", r"holds pytorch_model\.bin"),
    ):
        with pytest.raises(BundleError, match=reason):
            load_bundle(path)
    (tmp_path / "foreign" / "config.json").write_text('{"model_type": "marian"}', encoding="utf-8")
    with pytest.raises(BundleError, match="is a Hugging Face model"):
        load_bundle(tmp_path / "foreign")
    (tmp_path / "foreign" / "config.json").write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(BundleError, match="is not the config of a polyglass model"):
        load_bundle(tmp_path / "foreign")


@pytest.mark.parametrize("name", PROVEN)
def test_a_link_may_lead_anywhere_inside_the_folder_but_not_out_of_it(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).rename(folder / "blob")
    (folder / name).symlink_to("blob")
    assert load_bundle(folder).facts == FACTS
    (folder / "blob").rename(tmp_path / "blob")
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "blob")
    with pytest.raises(BundleError, match="is a link that leads out of its folder"):
        load_bundle(folder)


@pytest.mark.parametrize("name", PROVEN)
def test_a_pipe_in_place_of_a_file_does_not_block(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(BundleError, match=name.removesuffix(".model")):
        load_bundle(folder)


def test_a_folder_with_an_odd_and_long_name_works(tmp_path: Path) -> None:
    odd = tmp_path / ("Modell für Ärzte, 日本 " + "x" * 200)
    assert load_bundle(tiny_folder(odd)).facts == FACTS


@pytest.mark.parametrize(
    ("device", "reason"),
    [("tpu", "device must be auto, cpu"), ("cuda:x", "device must be auto"), ("cuda:99", "cannot be used")],
)
def test_a_device_that_is_not_there_is_named(made: Path, device: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_bundle(made, device=device)
    assert isinstance(load_bundle(made, device="auto"), Bundle)


def test_the_weights_pin_the_config(made: Path) -> None:
    assert set(read_notes(made / "model.safetensors")) == {"config_sha256", "facts"}
