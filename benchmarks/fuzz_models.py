"""Hostile model folders: each file of one, with its hash as it was and forged; and texts for a tokenizer."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import torch

from fuzz_subject import Attempt, Broken, Target
from polyglass.bundle import Bundle, load_bundle, save_bundle
from polyglass.config import Config, DataConfig, DecodeConfig, TransformerConfig
from polyglass.data.demo_grammar import generate_pairs
from polyglass.data.subwords import Subwords
from polyglass.errors import BundleError
from polyglass.files import folder_atomically, read_manifest
from polyglass.model.build import build_model
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.training.metrics import read_metrics
from polyglass.translator import Translator
from polyglass.weights import load_weights, save_weights

PARAMETERS = 200_000  # more than the small model has
METRICS = (
    b'{"kind": "step", "step": 1, "total_steps": 9, "loss": 2.5, "learning_rate": "nan", "time": "2026-01-01"}\n'
    b'{"kind": "notice", "step": 1, "notice_kind": "resumed", "text": "x", "time": "2026-01-01"}\n'
)
JSON_WORDS = tuple(
    word.encode()
    for word in (
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "null",
            "true",
            '"format"',
            '"config"',
            '"model"',
            '"family"',
            '"lstm"',
            "1e400",
        ),
        *('"vocabulary"', '"sha256"', '"files"', '"facts"', '"kind"', '"step"', '"__metadata__"', '"data_offsets"'),
        *('"shape"', '"dtype"', '"F32"', '"../x"', '"d_model"', "2147483648", "\\ud800"),
    )
)


@cache
def subwords() -> Subwords:
    """Return a small tokenizer, with bytes for what it does not know."""
    pairs = [(pair.source, pair.target) for pair in generate_pairs(300, seed=1)]
    return Subwords.train(lambda: iter(pairs), DataConfig(), size=500)


@cache
def bundle() -> Bundle:
    """Return a small model with random numbers, and a search that ends soon."""
    torch.manual_seed(1)
    model = TransformerConfig(d_model=16, num_heads=2, d_ff=16, encoder_layers=1, decoder_layers=1)
    decode = DecodeConfig(beam_size=2, max_length_factor=0.1, max_length_extra=2)
    sizes = (subwords().source_size, subwords().target_size)
    built = build_model(model, sizes, subwords().ids)
    return Bundle(Config(model=model, decode=decode), built, subwords(), "en", "de", {})


def written(name: str, write: Callable[[Path], object]) -> bytes:
    """Return the bytes of the file `name` in a folder that `write` fills."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        return (Path(folder) / name).read_bytes()


def in_model(name: str, *, forged: bool, folder: Path) -> Attempt:
    """Put a hostile file into a model folder. forged: with the hashes that it should have, so that it is believed."""
    made = folder / "made"
    save_bundle(made, bundle())
    good = (made / name).read_bytes()
    config = json.loads((made / "config.json").read_bytes())
    tensors, notes = load_weights(made / "model.safetensors")

    def attempt(content: bytes) -> None:
        (made / name).write_bytes(content)
        if forged:
            _forge(made, name, content, config)
            sha256 = hashlib.sha256((made / "config.json").read_bytes()).hexdigest()
            save_weights(made / "model.safetensors", tensors, {**notes, "config_sha256": sha256})
        loaded = load_bundle(made)
        if not forged and content != good:
            raise Broken(f"{name} is damaged, but was taken")
        if sum(parameter.numel() for parameter in loaded.model.parameters()) > PARAMETERS:
            raise Broken("the model is larger than its file")
        if forged:
            Translator(loaded).translate(["A small dog.", "\0\u2028 x"], max_length_extra=3)

    return attempt


def _forge(made: Path, name: str, content: bytes, config: dict[str, object]) -> None:
    """Let the config name the tokenizer that is there, with its size."""
    if name == "config.json":
        return
    with suppress(BundleError):
        found = Subwords.load(made)
        sizes = {"source": found.source_size, "target": found.target_size}
        document = {**config, "tokenizer_sha256": found.sha256, "vocabulary": sizes}
        (made / "config.json").write_bytes(json.dumps(document).encode())


def in_checkpoint(folder: Path) -> Attempt:
    """Put a hostile manifest into a checkpoint."""
    path = folder / "step-000000001"
    with folder_atomically(path, {"step": 1}) as inside:
        (inside / "a.txt").write_bytes(b"x")
    (manifest,) = (one for one in path.iterdir() if one.name != "a.txt")
    good = manifest.read_bytes()

    def attempt(content: bytes) -> None:
        manifest.write_bytes(content)
        read_manifest(path)
        if content != good:
            raise Broken("a damaged manifest was taken")

    return attempt


def manifest_bytes() -> bytes:
    """Return the manifest of a checkpoint."""
    with tempfile.TemporaryDirectory() as work:
        with folder_atomically(Path(work) / "c", {"step": 1}) as inside:
            (inside / "a.txt").write_bytes(b"x")
        (manifest,) = (one for one in (Path(work) / "c").iterdir() if one.name != "a.txt")
        return manifest.read_bytes()


def in_run(name: str, folder: Path) -> Attempt:
    """Put a hostile run.json or metrics.jsonl into a run folder."""

    def attempt(content: bytes) -> None:
        (folder / name).write_bytes(content)
        if name == "run.json":
            RunPlan.read(RunFolder(folder))
        else:
            read_metrics(folder / name)

    return attempt


def into_tokenizer(folder: Path) -> Attempt:
    """Cut any text into subwords and join them: valid ids, and a second round changes nothing."""
    known = subwords()

    def attempt(content: bytes) -> None:
        text = content.decode("utf-8", "replace")
        ids = known.encode_source([text])[0]
        if any(not 0 <= one < known.source_size for one in ids):
            raise Broken("an id that is none")
        joined = known.decode_source(ids)
        joined.encode()
        again = known.decode_source(known.encode_source([joined])[0])
        if again != joined:
            raise Broken(f"a second round changes {joined[:60]!r} to {again[:60]!r}")

    return attempt


def run_json() -> bytes:
    """Return the plan of a run."""
    plan = RunPlan(Config(), "en", "de", {"files": ["a"]}, ("because",))
    return written("run.json", lambda folder: plan.write(RunFolder(folder)))


def _model(name: str, *, forged: bool, words: tuple[bytes, ...], weight: int) -> Target:
    seed = written(name, lambda folder: save_bundle(folder, bundle()))
    label = f"{name}, forged" if forged else name
    names = ("config.json", "tokenizer.model", "model.safetensors", "text 1", "text 2")
    prepare = partial(_prepared, name, forged)
    return Target(label, (seed,), words, prepare, names, weight)


def _prepared(name: str, forged: bool, folder: Path) -> Attempt:
    return in_model(name, forged=forged, folder=folder)


TEXTS = (
    "A small dog runs.",
    "Ein Hund\u00a0läuft.",
    "犬が走る。",
    "\U0001f469\u200d\U0001f4bb e\u0301 ﬁ ①",
    "مرحبا بالعالم",
)
MODEL_TARGETS: tuple[Target, ...] = (
    _model("config.json", forged=False, words=JSON_WORDS, weight=4),
    _model("config.json", forged=True, words=JSON_WORDS, weight=4),
    _model("model.safetensors", forged=False, words=JSON_WORDS, weight=6),
    _model("tokenizer.model", forged=False, words=(), weight=4),
    _model("tokenizer.model", forged=True, words=(), weight=6),
    Target("manifest", (manifest_bytes(),), JSON_WORDS, in_checkpoint, ("step-000000001",), 4),
    Target("run.json", (run_json(),), JSON_WORDS, partial(in_run, "run.json"), ("run.json",), 3),
    Target("metrics.jsonl", (METRICS,), JSON_WORDS, partial(in_run, "metrics.jsonl"), ("metrics.jsonl",), 4),
    Target("tokenizer text", tuple(text.encode() for text in TEXTS), (), into_tokenizer, (), 10),
)
