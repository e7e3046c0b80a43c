"""A model folder: everything that a translation needs, nothing that runs.

    config.json          format, languages, every option, vocabulary sizes, SHA-256 of the tokenizer
    tokenizer*.model     the subwords
    model.safetensors    the numbers; its header carries its own SHA-256, that of config.json, and `facts`
    card.md              the same for people; never read back

Each file proves the next, so a better model arrives by replacing model.safetensors alone, in one step. Where the
config changes, too, the new one waits as config.next.json until the numbers that belong to it are in place.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from polyglass._version import __version__
from polyglass.card import render_card
from polyglass.config import Config
from polyglass.data.subwords import Subwords
from polyglass.device import find_device
from polyglass.errors import BundleError, ConfigError, InputError, ShapeError
from polyglass.files import flush_folder, remove_leftovers, write_atomically
from polyglass.model.seq2seq import Seq2Seq
from polyglass.parameters import build_unfilled, fill, parameters_by_part, weights_of
from polyglass.reading import parse_json, read_bounded, regular_file_size
from polyglass.weights import load_weights, read_notes, read_shapes, save_weights

FORMAT = 1
CONFIG, NEXT_CONFIG, WEIGHTS, CARD = "config.json", "config.next.json", "model.safetensors", "card.md"
TOKENIZERS = ("tokenizer.model", "tokenizer.source.model", "tokenizer.target.model")
MAX_CONFIG_BYTES = 2**20
MAX_VOCABULARY = 2_000_000
_KEYS = {"format", "polyglass", "source_lang", "target_lang", "config", "vocabulary", "tokenizer_sha256"}


@dataclass(frozen=True)
class Bundle:
    """A model with all that belongs to it.

    facts: how it came about, as JSON: step, epochs, seconds, target_tokens, device; data (files, read, kept, dropped
    by reason); scores (metric, value, low, high, signature, on); validation (loss, bleu, chrf) and history (a list of
    these with step); latency (median_ms, p95_ms, device). All may be missing.
    """

    config: Config
    model: Seq2Seq
    subwords: Subwords
    source_lang: str
    target_lang: str
    facts: dict[str, Any]


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write the bundle into `folder`; at every moment the folder holds the old model or the new one, whole.

    Only one process may save into a folder. Raises OutOfSpaceError if the disk is full or forbidden, InputError if
    the folder holds a model with another tokenizer.
    """
    _make_folder(folder)
    remove_leftovers(folder)
    _finish_interrupted_save(folder)
    _refuse_another_tokenizer(folder, bundle.subwords.sha256)
    bundle.subwords.save(folder)
    for name in TOKENIZERS[1:] if bundle.subwords.joint else TOKENIZERS[:1]:
        (folder / name).unlink(missing_ok=True)  # of a first save that was cut off
    content = _config_json(bundle)
    is_new = not (folder / WEIGHTS).exists()
    changes = not is_new and content != _content(folder / CONFIG)
    write_atomically(folder / (NEXT_CONFIG if changes else CONFIG), content)
    notes = {"config_sha256": hashlib.sha256(content).hexdigest(), "facts": json.dumps(bundle.facts, sort_keys=True)}
    save_weights(folder / WEIGHTS, weights_of(bundle.model), notes)
    if changes:
        _finish_interrupted_save(folder)
    card = render_card(
        bundle.config, bundle.facts, languages=_languages(bundle), parts=parameters_by_part(bundle.model)
    )
    write_atomically(folder / CARD, card.encode())


def load_bundle(folder: Path, *, device: str = "cpu") -> Bundle:
    """Read a bundle whose every byte and size has been checked; the model is in eval mode, without gradients.

    Nothing in the folder is executed, and no memory is taken that the size of model.safetensors does not justify.
    device: "cpu", "cuda", "cuda:1", "mps", or "auto" for the fastest that is there.
    Raises BundleError naming the file that is missing, damaged, foreign or from a newer polyglass.
    """
    target = find_device(device)
    _refuse_foreign(folder)
    notes = read_notes(_own_file(folder, WEIGHTS))
    content, config_path = _pinned_config(folder, notes.get("config_sha256", ""))
    document = parse_json(content, config_path)
    config = _checked_config(document, config_path)
    subwords = _load_subwords(folder, document, config_path)
    model = _build(config, subwords, config_path)
    tensors, proven = load_weights(folder / WEIGHTS)
    if proven != notes:
        raise BundleError(f"{folder / WEIGHTS} changed while it was read. Try again.")
    fill(model, tensors, folder / WEIGHTS)
    model.requires_grad_(False).eval().to(target)
    facts = parse_json(notes.get("facts", "{}").encode(), folder / WEIGHTS)
    return Bundle(config, model, subwords, document["source_lang"], document["target_lang"], facts)


def _languages(bundle: Bundle) -> tuple[str, str]:
    return bundle.source_lang, bundle.target_lang


def _config_json(bundle: Bundle) -> bytes:
    document = {
        "format": FORMAT,
        "polyglass": __version__,
        "source_lang": bundle.source_lang,
        "target_lang": bundle.target_lang,
        "vocabulary": {"source": bundle.subwords.source_size, "target": bundle.subwords.target_size},
        "tokenizer_sha256": bundle.subwords.sha256,
        "config": bundle.config.model_dump(mode="json"),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        flush_folder(folder.parent)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror or error}. Choose another folder.") from error


def _content(path: Path) -> bytes | None:
    """Return what a file holds, or None if that cannot be said."""
    try:
        return read_bounded(path, MAX_CONFIG_BYTES)
    except BundleError:
        return None


def _finish_interrupted_save(folder: Path) -> None:
    """Put the waiting config in place if the weights belong to it; forget it if they do not."""
    waiting = _content(folder / NEXT_CONFIG)
    if waiting is None:
        return
    try:
        pinned = read_notes(folder / WEIGHTS).get("config_sha256")
    except BundleError:
        pinned = None
    if hashlib.sha256(waiting).hexdigest() == pinned:
        write_atomically(folder / CONFIG, waiting)
    with suppress(OSError):  # left there it does no harm
        (folder / NEXT_CONFIG).unlink()


def _refuse_another_tokenizer(folder: Path, sha256: str) -> None:
    """Replacing tokenizer and weights is two steps, and between them neither model would be whole."""
    if not (folder / WEIGHTS).exists():
        return
    try:
        known = parse_json(_content(folder / CONFIG) or b"", folder / CONFIG).get("tokenizer_sha256")
    except BundleError:
        return  # nothing there can be lost any more
    if known != sha256:
        raise InputError(
            f"{folder} must be a new folder, or hold an earlier state of this model, but it holds a model with "
            "another tokenizer. Choose another folder, or remove it."
        )


def _refuse_foreign(folder: Path) -> None:
    """Say what else this folder may be."""
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "does not exist"
        raise BundleError(
            f"A model is a folder that holds {CONFIG} and {WEIGHTS}, but {folder} {what}. Name the folder."
        )
    if not (folder / CONFIG).exists():
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise BundleError(
            f"A model is a folder that holds {CONFIG} and {WEIGHTS}, but {folder} holds {held[:300]}. "
            "Only models trained by polyglass can be read."
        )
    document = parse_json(read_bounded(_own_file(folder, CONFIG), MAX_CONFIG_BYTES), folder / CONFIG)
    if "model_type" in document or "architectures" in document:
        raise BundleError(
            f"{folder} is a Hugging Face model, not one of polyglass. Open it with the transformers library, "
            "or train your own with: polyglass train"
        )
    written = document.get("format")
    if type(written) is not int or "polyglass" not in document:
        raise BundleError(f"{folder / CONFIG} is not the config of a polyglass model. Name the folder of one.")
    if written > FORMAT:
        raise BundleError(
            f"{folder / CONFIG} has format {written}, written by polyglass {str(document['polyglass'])[:50]}; "
            f"polyglass {__version__} knows format {FORMAT}. Upgrade: pip install --upgrade polyglass"
        )


def _own_file(folder: Path, name: str) -> Path:
    """Return the file's path, unless it is a link that leads out of the folder."""
    path = folder / name
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{path} is a link that leads out of its folder. Put the file itself there.")
    return path


def _pinned_config(folder: Path, sha256: str) -> tuple[bytes, Path]:
    """Return the config that the weights were saved with."""
    for name in (CONFIG, NEXT_CONFIG):
        content = _content(_own_file(folder, name))
        if content is not None and hashlib.sha256(content).hexdigest() == sha256:
            return content, folder / name
    raise BundleError(
        f"{folder / CONFIG} does not belong to {WEIGHTS} beside it: its SHA-256 is not the one noted there. One of "
        "them was damaged, edited or replaced. Use another copy of the folder."
    )


def _checked_config(document: Mapping[str, Any], path: Path) -> Config:
    """Check the whole document before any part of it is used."""
    sizes = document.get("vocabulary")
    if (
        document.keys() != _KEYS
        or not isinstance(sizes, dict)
        or sizes.keys() != {"source", "target"}
        or not all(type(size) is int and 4 <= size <= MAX_VOCABULARY for size in sizes.values())
        or not all(isinstance(document[key], str) for key in ("source_lang", "target_lang", "tokenizer_sha256"))
    ):
        raise BundleError(f"{path} is damaged: it does not hold what format {FORMAT} holds. Use another copy.")
    try:
        return Config.model_validate(document["config"], strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, (*first["loc"][:1], *first["loc"][1:][-1:])))[:100]  # without the family's name
        raise BundleError(f"{path} is damaged: config.{name}: {first['msg'][:200]}. Use another copy.") from error


def _load_subwords(folder: Path, document: Mapping[str, Any], config_path: Path) -> Subwords:
    for name in TOKENIZERS:
        if (folder / name).exists():
            regular_file_size(_own_file(folder, name))
    subwords = Subwords.load(folder)
    sizes = {"source": subwords.source_size, "target": subwords.target_size}
    if subwords.sha256 != document["tokenizer_sha256"] or sizes != document["vocabulary"]:
        raise BundleError(
            f"{folder / TOKENIZERS[0 if subwords.joint else 1]} is not the tokenizer that this model was trained with: "
            f"its SHA-256 is not the one noted in {config_path.name}. Every word would mean another. "
            "Use the tokenizer that came with the model."
        )
    return subwords


def _build(config: Config, subwords: Subwords, config_path: Path) -> Seq2Seq:
    """Build the model without its numbers, but only if the numbers in the file have its names and shapes."""
    sizes = (subwords.source_size, subwords.target_size)
    shapes = read_shapes(config_path.parent / WEIGHTS)
    try:
        return build_unfilled(config.model, sizes, subwords.ids, shapes=shapes)
    except ConfigError as error:
        raise BundleError(f"{config_path} is damaged: {error}") from error
    except ShapeError as error:
        raise BundleError(f"{config_path.parent / WEIGHTS} does not fit {config_path.name}: {error}") from error
