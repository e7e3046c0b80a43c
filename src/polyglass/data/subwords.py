"""Text in, subword ids out, and back: one or two SentencePiece models (Kudo and Richardson 2018)."""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import sentencepiece

from polyglass.config import DataConfig
from polyglass.errors import BundleError, DataError
from polyglass.files import write_atomically
from polyglass.special_ids import SpecialIds
from polyglass.text.codes import FIRST_MASK, MASKS

IDS = SpecialIds()
JOINT_FILE, SOURCE_FILE, TARGET_FILE = "tokenizer.model", "tokenizer.source.model", "tokenizer.target.model"
MAX_MODEL_BYTES = 64 * 2**20


class Subwords:
    """Cuts text of both languages into subwords; ids of special symbols are those of `SpecialIds()`.

    source_size, target_size: number of ids in each vocabulary. sha256: of the model files, to pin a tokenizer to
    the model that was trained with it.
    """

    def __init__(self, source_model: bytes, target_model: bytes | None = None) -> None:
        """Wrap serialized SentencePiece models; without `target_model` one serves both languages."""
        self.ids = IDS
        self.joint = target_model is None
        self._source_model = source_model
        self._target_model = target_model
        self._source = _processor(source_model)
        self._target = self._source if target_model is None else _processor(target_model)
        self.source_size: int = self._source.get_piece_size()
        self.target_size: int = self._target.get_piece_size()
        self.sha256 = hashlib.sha256(source_model + b"\0" + (target_model or b"")).hexdigest()

    def encode_source(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the subword ids of each source text, without bos and eos."""
        return _encode(self._source, texts)

    def encode_target(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the subword ids of each target text, without bos and eos."""
        return _encode(self._target, texts)

    def source_scores(self) -> dict[str, tuple[int, float]]:
        """Return every source piece that text can be cut into, with its id and its score."""
        return _scores(self._source)

    def target_scores(self) -> dict[str, tuple[int, float]]:
        """Return every target piece that text can be cut into, with its id and its score."""
        return _scores(self._target)

    def decode_source(self, ids: Sequence[int]) -> str:
        """Join source subwords into text; stops at eos, leaves out special symbols."""
        return _decode(self._source, ids)

    def decode_target(self, ids: Sequence[int]) -> str:
        """Join target subwords into text; stops at eos, leaves out special symbols."""
        return _decode(self._target, ids)

    def source_pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each source subword as SentencePiece writes it ("▁" is a space)."""
        return [self._source.id_to_piece(int(token)) for token in ids]

    def target_pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each target subword as SentencePiece writes it ("▁" is a space)."""
        return [self._target.id_to_piece(int(token)) for token in ids]

    def save(self, folder: Path) -> None:
        """Write the model file(s) into `folder`."""
        if self._target_model is None:
            write_atomically(folder / JOINT_FILE, self._source_model)
        else:
            write_atomically(folder / SOURCE_FILE, self._source_model)
            write_atomically(folder / TARGET_FILE, self._target_model)

    @classmethod
    def load(cls, folder: Path) -> "Subwords":
        """Read the model file(s) from `folder`. Raises BundleError if one is missing or damaged."""
        if (folder / JOINT_FILE).exists():
            return cls._checked(folder, JOINT_FILE)
        return cls._checked(folder, SOURCE_FILE, TARGET_FILE)

    @classmethod
    def _checked(cls, folder: Path, *names: str) -> "Subwords":
        models = []
        for name in names:
            path = folder / name
            if not path.is_file():
                raise BundleError(f"{path} is missing: a model folder needs the tokenizer that it was trained with.")
            if path.stat().st_size > MAX_MODEL_BYTES:
                raise BundleError(f"{path} has {path.stat().st_size} bytes; a tokenizer has at most {MAX_MODEL_BYTES}.")
            models.append(path.read_bytes())
            try:
                _processor(models[-1])
            except (RuntimeError, ValueError) as error:
                raise BundleError(f"{path} is not a SentencePiece model, or it is damaged ({error}).") from error
        return cls(*models)

    @classmethod
    def train(cls, pairs: Callable[[], Iterable[tuple[str, str]]], config: DataConfig, *, size: int) -> "Subwords":
        """Learn the subwords of a corpus.

        pairs: called once for each vocabulary, gives (source, target) texts. size: subwords in each vocabulary; a
        corpus too small for it gets the largest vocabulary it can fill.
        """
        if config.joint_vocabulary:
            return cls(_train(lambda: (text for pair in pairs() for text in pair), config, size))
        return cls(
            _train(lambda: (source for source, _ in pairs()), config, size),
            _train(lambda: (target for _, target in pairs()), config, size),
        )


def _processor(model: bytes) -> sentencepiece.SentencePieceProcessor:
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    found = (processor.pad_id(), processor.bos_id(), processor.eos_id(), processor.unk_id())
    if found != (IDS.pad, IDS.bos, IDS.eos, IDS.unk):
        raise ValueError(f"its ids of pad, bos, eos and unk are {found}, not those of polyglass")
    return processor


def _encode(processor: sentencepiece.SentencePieceProcessor, texts: Sequence[str]) -> list[list[int]]:
    ids: list[list[int]] = processor.encode(list(texts), num_threads=1)
    return ids


def _decode(processor: sentencepiece.SentencePieceProcessor, ids: Sequence[int]) -> str:
    kept = []
    for token in map(int, ids):
        if token == IDS.eos:
            break
        if token not in (IDS.pad, IDS.bos):
            kept.append(token)
    text: str = processor.decode(kept)
    return text


def _scores(processor: sentencepiece.SentencePieceProcessor) -> dict[str, tuple[int, float]]:
    ids = (token for token in range(processor.get_piece_size()) if token > max(IDS.pad, IDS.bos, IDS.eos, IDS.unk))
    return {processor.id_to_piece(token): (token, processor.get_score(token)) for token in ids}


def _train(texts: Callable[[], Iterable[str]], config: DataConfig, size: int) -> bytes:
    try:
        return _train_once(texts(), config, size)
    except RuntimeError as error:
        fewest = re.search(r"smaller than required_chars. \d+ vs (\d+)", str(error))
        if fewest is not None:
            raise DataError(
                f"the characters of this corpus alone need {fewest.group(1)} subwords, but data.vocabulary_size is "
                f"{size}. Set data.vocabulary_size={2 * int(fewest.group(1))}, or a lower data.character_coverage."
            ) from error
        largest = re.search(r"Vocabulary size too high.*<= (\d+)", str(error))
        if largest is None:
            raise DataError(
                f"SentencePiece could not learn {size} subwords from this corpus: {error}. "
                "Try another data.vocabulary_size, or more text."
            ) from error
    return _train_once(texts(), config, int(largest.group(1)))


def _train_once(texts: Iterable[str], config: DataConfig, size: int) -> bytes:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_clean(texts),
        model_writer=written,
        model_type=config.subwords,
        vocab_size=size,
        character_coverage=config.character_coverage,
        byte_fallback=config.byte_fallback,
        required_chars="".join(map(chr, range(FIRST_MASK, FIRST_MASK + MASKS))) if config.protect else "",
        pad_id=IDS.pad,
        bos_id=IDS.bos,
        eos_id=IDS.eos,
        unk_id=IDS.unk,
        max_sentence_length=65536,
        num_threads=1,  # with more, ties are broken in another order and the vocabulary is not reproducible
        minloglevel=2,
    )
    return written.getvalue()


def _clean(texts: Iterable[str]) -> Iterator[str]:
    """Give SentencePiece text it can take: without NUL, because a piece must not hold one."""
    return (text.replace("\0", " ") for text in texts if text.strip())
