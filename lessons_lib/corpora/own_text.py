"""A text file of one's own: bytes of unknown kind, read or refused in one line, and cut into words or characters."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from pathlib import Path

from torch import Tensor

from .text import UNKNOWN, Vocabulary

WORDS = re.compile(r"\w+|[^\w\s]")  # words, and every other sign on its own
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
MOST_CONTROL = 1 / 1000  # of a text's characters; what has more is a picture, a program, an archive


class OwnText:
    """A text, and the name of the file that it came from.

    Args:
        name: of the file.
        content: its bytes: UTF-8, UTF-16 with its mark, or the older Western encodings (Latin-1, Windows-1252).  Where
            the last character was cut, as a copied part of a UTF-8 file may end, it is left out.

    Raises:
        ValueError: nothing but space is in it, or it is no text.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        # What a run writes down as code: it reads the file again, which must then lie beside the notebook.
        self.recipe: tuple[object, tuple[str], dict[str, object]] = (OwnText.from_file, (name,), {})
        self.text = _decoded(content, name).replace("\r\n", "\n")
        if not self.text.strip():
            raise ValueError(f"{name} is empty: choose a file that holds text")

    @classmethod
    def from_file(cls, path: str) -> OwnText:
        """The text in the file at ``path``."""
        return cls(Path(path).name, Path(path).read_bytes())

    def __repr__(self) -> str:
        return f"OwnText({self.name!r}, {len(self.text):,} characters)"


def tokens_of(text: str, by: str, most: int) -> tuple[Tensor, Vocabulary]:
    """A text as ids, (time,) int64, and what they stand for.

    Args:
        by: "words" (other signs than letters and digits each count as one) or "characters".
        most: the largest size of the vocabulary; what is too rare for it becomes ``<unk>``.
    """
    parts = WORDS.findall(text) if by == "words" else list(text)
    counts = Counter(parts)
    kept = [part for part, _ in counts.most_common(most)]
    if len(kept) < len(counts):
        kept[-1] = UNKNOWN
    vocabulary = Vocabulary(kept)
    return vocabulary.encode(parts), vocabulary


def _utf_8(content: bytes) -> str:
    """The text without its mark, and without a last character that is cut; UnicodeDecodeError where it is another.

    After nothing but ASCII, what looks like a cut character may as well be the last letter of a Latin-1 text.
    """
    text = codecs.getincrementaldecoder("utf-8")().decode(content)
    return (content.decode() if text.isascii() else text).removeprefix("\ufeff")


def _decoded(content: bytes, name: str) -> str:
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8", "cp1252"):
        try:
            text = _utf_8(content) if encoding == "utf-8" else content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(CONTROL.findall(text)) <= MOST_CONTROL * len(text):
            return text
    raise ValueError(f"{name} is no text: save it as plain text first (.txt, UTF-8)")
