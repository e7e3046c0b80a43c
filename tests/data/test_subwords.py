"""Text becomes subwords and comes back; a tokenizer is the same for everybody, or refused."""

import io
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from corpus_files import captions
from polyglass.config import DataConfig
from polyglass.data.subwords import JOINT_FILE, MAX_MODEL_BYTES, SOURCE_FILE, TARGET_FILE, Subwords
from polyglass.errors import BundleError, DataError
from polyglass.special_ids import SpecialIds
from tiny_bundle import SENTENCES, tiny_subwords
from toy_corpus import toy_pairs, toy_subwords

IDS = SpecialIds()
SCRIPTS = {
    "English": "The café costs 3.50 € — or 'less'.",
    "German": "Größe, Straße, Äpfel.",
    "Greek": "Ο άνθρωπος βλέπει το βουνό.",
    "Russian": "Маленькая собака бежит.",
    "Arabic": "الكلب الصغير يجري في الحديقة",
    "Hindi": "छोटा कुत्ता दौड़ता है",
    "Chinese": "小狗在草地上跑。",
    "Japanese": "小さい犬が走っています。",
    "Korean": "작은 개가 달린다.",
    "Thai": "สุนัขตัวเล็กวิ่ง",
    "emoji": "a 🐕‍🦺 runs 👩‍👩‍👧",
    "rare": "𐍈𝔘𓀀",
}


def normal(text: str) -> str:
    """What SentencePiece's nmt_nfkc makes of a text: NFKC, one space between words, none around them."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_text_of_any_script_comes_back_though_training_never_saw_it(joint: bool, text: str) -> None:
    subwords = tiny_subwords(joint=joint, size=330)
    source, target = subwords.encode_source([text]), subwords.encode_target([text])
    assert subwords.decode_source(source[0]) == subwords.decode_target(target[0]) == normal(text)
    assert IDS.unk not in (*source[0], *target[0])


LETTERS = st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs"))


@given(st.text(LETTERS, max_size=40))
def test_what_comes_back_is_cut_the_same_way_again(text: str) -> None:
    """Whatever normalisation does to a text, it does it once."""
    subwords = tiny_subwords()
    [ids] = subwords.encode_source([text])
    back = subwords.decode_source(ids)
    assert subwords.decode_source(subwords.encode_source([back])[0]) == back
    assert not {IDS.pad, IDS.bos, IDS.eos, IDS.unk} & set(ids)


@given(st.text(st.sampled_from("abcdefghijABCäöüß .,!?0123456789αβγдежзكلب犬小"), max_size=40))
def test_a_text_of_plain_characters_comes_back_but_for_spaces(text: str) -> None:
    subwords = tiny_subwords()
    assert subwords.decode_target(subwords.encode_target([text])[0]) == re.sub(" +", " ", text).strip()


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("ﬁne ①②", "fine 12"),  # compatibility characters
        ("Ａｐｆｅｌ", "Apfel"),  # full-width letters
        ("  two   spaces\t", "two spaces"),
        ("a\u200bb\u00a0c", "a b c"),  # zero-width and no-break space
        ("a\x07b", "ab"),
        ("line\nfeed", "line feed"),
        ("e\u0301", "é"),
        ("", ""),
    ],
)
def test_what_normalisation_changes(text: str, back: str) -> None:
    """SentencePiece's nmt_nfkc; whoever changes it changes every model."""
    subwords = tiny_subwords()
    assert subwords.decode_source(subwords.encode_source([text])[0]) == back


def test_special_symbols_have_the_ids_of_the_model_and_are_never_cut_from_text() -> None:
    subwords = tiny_subwords()
    assert subwords.ids == IDS
    pieces = subwords.source_pieces([IDS.pad, IDS.bos, IDS.eos, IDS.unk])
    assert pieces == ["<pad>", "<s>", "</s>", "<unk>"]
    [ids] = subwords.encode_source(["</s> <pad> <s> <unk>"])
    assert not {IDS.pad, IDS.bos, IDS.eos, IDS.unk} & set(ids)
    assert subwords.decode_source(ids) == "</s> <pad> <s> <unk>"


def test_decoding_ends_at_eos_and_leaves_out_padding_and_bos() -> None:
    subwords = tiny_subwords()
    [one, other] = subwords.encode_target(["A small dog", "runs"])
    ids = [IDS.bos, *one, IDS.pad, *other, IDS.eos, *one, IDS.pad]
    assert subwords.decode_target(ids) == "A small dog runs"
    assert subwords.decode_target([]) == subwords.decode_target([IDS.eos, *one]) == ""


def test_pieces_are_the_text_in_parts() -> None:
    subwords = tiny_subwords()
    [ids] = subwords.encode_source(["The small dog"])
    assert "".join(subwords.source_pieces(ids)) == "▁The▁small▁dog"


def test_one_vocabulary_serves_both_languages_or_each_has_its_own() -> None:
    joint, separate = tiny_subwords(joint=True), tiny_subwords(joint=False, size=310)
    texts = [text for pair in SENTENCES for text in pair]
    assert joint.encode_source(texts) == joint.encode_target(texts)
    assert (joint.joint, separate.joint) == (True, False)
    assert separate.encode_source(texts) != separate.encode_target(texts)


@pytest.mark.parametrize("changes", [{}, {"joint_vocabulary": False}, {"subwords": "unigram"}], ids=str)
def test_the_same_corpus_gives_the_same_subwords(changes: dict[str, Any]) -> None:
    config = DataConfig(byte_fallback=False, **changes)
    one, two = (Subwords.train(lambda: toy_pairs(300), config, size=30) for _ in range(2))
    assert one.sha256 == two.sha256
    other = Subwords.train(lambda: toy_pairs(300, seed=5), config, size=30)
    assert other.sha256 != one.sha256


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_corpus_too_small_for_the_vocabulary_gets_the_largest_that_it_can_fill(kind: str) -> None:
    config = DataConfig.model_validate({"subwords": kind})
    subwords = Subwords.train(lambda: iter(SENTENCES), config, size=30_000)
    assert 256 < subwords.source_size < 1000
    assert subwords.decode_source(subwords.encode_source(["The dog"])[0]) == "The dog"


def test_a_vocabulary_too_small_for_the_characters_is_refused_with_the_remedy() -> None:
    message = r"need 296 subwords, but data.vocabulary_size is 100. Set data.vocabulary_size=592, or a lower data.char"
    with pytest.raises(DataError, match=message):
        Subwords.train(lambda: iter(SENTENCES), DataConfig(), size=100)


def test_a_corpus_without_text_is_refused() -> None:
    with pytest.raises(DataError, match="could not learn"):
        Subwords.train(lambda: iter([("", " ")]), DataConfig(), size=300)


def test_a_corpus_with_hostile_characters_can_be_learned_from() -> None:
    pairs = [*SENTENCES, ("nul\0nul", "a\u2028b\r\x0b"), ("x" * 100_000, "y"), ("</s>", "<unk>")]
    subwords = Subwords.train(lambda: iter(pairs), DataConfig(), size=350)
    pieces = subwords.source_pieces(range(subwords.source_size))
    assert not any("\0" in piece for piece in pieces)
    assert subwords.decode_source(subwords.encode_source(["a\0b"])[0]) in ("ab", "a b", "a\0b")


def test_without_byte_fallback_unknown_characters_are_unknown() -> None:
    [ids] = toy_subwords().encode_source(["a 犬 b"])
    assert IDS.unk in ids


@pytest.mark.parametrize("joint", [True, False])
def test_saved_and_loaded_subwords_are_the_same(tmp_path: Path, joint: bool) -> None:
    subwords = tiny_subwords(joint=joint)
    subwords.save(tmp_path)
    names = [JOINT_FILE] if joint else [SOURCE_FILE, TARGET_FILE]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    loaded = Subwords.load(tmp_path)
    assert loaded.sha256 == subwords.sha256
    assert (loaded.joint, loaded.source_size, loaded.target_size) == (joint, subwords.source_size, subwords.target_size)
    text = [SENTENCES[0][1]]
    assert loaded.encode_target(text) == subwords.encode_target(text)


@pytest.mark.parametrize("name", [SOURCE_FILE, TARGET_FILE])
def test_a_missing_tokenizer_is_named(tmp_path: Path, name: str) -> None:
    tiny_subwords(joint=False).save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing: a model folder needs the tokenizer"):
        Subwords.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a SentencePiece model, or it is damaged"),
        (b"PK\x03\x04 not a model", "is not a SentencePiece model, or it is damaged"),
        (None, "is not a SentencePiece model, or it is damaged"),
    ],
    ids=["empty", "zip", "half"],
)
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    tiny_subwords().save(tmp_path)
    path = tmp_path / JOINT_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    with pytest.raises(BundleError, match=message):
        Subwords.load(tmp_path)


def test_a_tokenizer_of_somebody_else_with_other_special_ids_is_refused(tmp_path: Path) -> None:
    written = io.BytesIO()
    texts = iter([text for pair in SENTENCES for text in pair])
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=texts, model_writer=written, vocab_size=60, minloglevel=2, hard_vocab_limit=False
    )
    (tmp_path / JOINT_FILE).write_bytes(written.getvalue())
    with pytest.raises(BundleError, match=r"ids of pad, bos, eos and unk are \(-1, 1, 2, 0\), not those of polyglass"):
        Subwords.load(tmp_path)


def test_a_tokenizer_larger_than_any_tokenizer_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / JOINT_FILE).open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    with pytest.raises(BundleError, match=f"a tokenizer has at most {MAX_MODEL_BYTES}"):
        Subwords.load(tmp_path)


def test_real_captions_come_back(shared_data: Path) -> None:
    english, german = captions(shared_data, 2000)
    subwords = Subwords.train(lambda: zip(english, german, strict=True), DataConfig(), size=2000)
    assert subwords.source_size == 2000
    for text, ids in zip(german, subwords.encode_target(german), strict=True):
        assert subwords.decode_target(ids) == normal(text)
