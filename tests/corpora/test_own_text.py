"""A learner's file is read whatever it is, or refused in one line."""

import codecs
import random

import pytest

from lessons_lib.corpora import OwnText, tokens_of

TEXT = "Grün ist des Lebens goldner Baum – “or so they say”.\n" * 3


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode(),
    ],
    ids=["UTF-8", "UTF-8 with its mark", "UTF-16", "Windows", "lines that end as in Windows"],
)
def test_every_usual_encoding_gives_the_same_text(content):
    assert OwnText("faust.txt", content).text == TEXT


def test_latin_1_bytes_are_letters():
    assert OwnText("a.txt", "é à ü".encode("latin-1")).text == "é à ü"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_utf_8_text_whose_last_character_is_cut_is_read_without_it(mark):
    content = mark + (TEXT + "\N{RIGHT DOUBLE QUOTATION MARK}").encode()
    assert OwnText("faust.txt", content[:-1]).text == TEXT
    assert OwnText("faust.txt", content[:-2]).text == TEXT


def test_a_latin_1_text_keeps_its_only_accent_at_its_very_end():
    assert OwnText("a.txt", "un café".encode("latin-1")).text == "un café"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is no text"),
        (random.Random(0).randbytes(5_000), "is no text"),
        (bytes(range(128, 256)) * 10, "is no text"),
        (("a" * 50).encode("utf-32"), "is no text"),
    ],
    ids=["nothing", "space", "a picture", "noise", "high bytes", "UTF-32"],
)
def test_what_is_no_text_is_refused_in_one_line_that_names_the_file(content, says):
    with pytest.raises(ValueError, match=rf"^mine\.bin {says}: [^\n]+$"):
        OwnText("mine.bin", content)


def test_a_text_is_what_its_characters_and_its_words_say():
    ids, vocabulary = tokens_of(TEXT, "characters", 100)
    assert "".join(vocabulary.decode(ids)) == TEXT
    ids, vocabulary = tokens_of(TEXT, "words", 100)
    assert vocabulary.decode(ids)[7:13] == ["“", "or", "so", "they", "say", "”"]
    assert len(ids) == 3 * 14


def test_what_is_too_rare_for_the_vocabulary_is_unknown():
    ids, vocabulary = tokens_of("a a a b b c d", "words", 3)
    assert vocabulary.words == ("a", "b", "<unk>")
    assert vocabulary.decode(ids) == ["a", "a", "a", "b", "b", "<unk>", "<unk>"]


def test_a_file_beside_the_notebook_is_read_again(tmp_path):
    (tmp_path / "faust.txt").write_text(TEXT, encoding="utf8")
    read = OwnText.from_file(str(tmp_path / "faust.txt"))
    assert (read.name, read.text) == ("faust.txt", TEXT)
