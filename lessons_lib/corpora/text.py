"""WikiText-2 by words: the text read once, and cached as two bytes a word."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .download import WIKITEXT2, bytes_of, cache_dir, read, store

UNKNOWN, END = "<unk>", "<eos>"


class Vocabulary:
    """Words and their ids, both ways.  ``words[i]`` has id ``i``.

    Raises:
        ValueError: a word stands twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        if len(set(self.words)) != len(self.words):
            raise ValueError("a vocabulary holds every word once: remove the repeated ones")

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> Tensor:
        """``(time,)`` int64 ids of a list of words, or of a text that is split at whitespace.

        Words that the vocabulary does not hold become ``<unk>``.

        Raises:
            ValueError: an unknown word, and the vocabulary holds no ``<unk>``.
        """
        listed = words.split() if isinstance(words, str) else list(words)
        unknown = self._ids.get(UNKNOWN)
        ids = [self._ids.get(word, unknown) for word in listed]
        if None in ids:
            raise ValueError(f"{listed[ids.index(None)]!r} is not in this vocabulary, and it holds no {UNKNOWN}")
        return torch.tensor(ids, dtype=torch.int64)

    def decode(self, ids: Tensor | Iterable[int]) -> list[str]:
        """The words of ``(time,)`` ids.

        Raises:
            ValueError: an id outside ``0 <= id < len(vocabulary)``.
        """
        listed = ids.tolist() if isinstance(ids, Tensor) else list(ids)
        if any(not 0 <= index < len(self.words) for index in listed):
            raise ValueError(f"ids must lie in 0..{len(self.words) - 1}")
        return [self.words[index] for index in listed]


@dataclass(frozen=True)
class TextCorpus:
    """A text as ids: ``train``, ``valid`` and ``test`` are ``(time,)`` int64 tensors."""

    train: Tensor
    valid: Tensor
    test: Tensor
    vocabulary: Vocabulary


def wikitext2(vocabulary_size: int | None = None) -> TextCorpus:
    """WikiText-2 (Merity et al. 2016) by words: 2,088,628 / 217,646 / 245,569 tokens, 33,278 words.

    Words are split at whitespace, every line ends in ``<eos>``, and ids count words in order of first
    appearance in train.  With ``vocabulary_size=n`` only the n most frequent words of train are kept (ties by
    first appearance), among them always ``<unk>`` and ``<eos>``; all others become ``<unk>``.  The kept words
    stay in order of first appearance. A perplexity over a reduced vocabulary is no WikiText-2 result: label
    it.

    Raises:
        DataUnavailable: the text is not on this machine and cannot be downloaded.
        ValueError: ``vocabulary_size`` below 2 or above 33,278.
    """
    splits, words = _load()
    if vocabulary_size is not None:
        splits, words = _reduce(splits, words, vocabulary_size)
    train, valid, test = (torch.from_numpy(ids.astype(np.int64)) for ids in splits)
    return TextCorpus(train, valid, test, Vocabulary(words))


Ids = NDArray[np.uint16]

# The cache holds the ids of the three splits, two bytes each, then the words, one a line.  It follows from
# the pinned text alone, so its own hash can be pinned: whatever was read or cached wrongly is noticed.
_TOKENS = (2_088_628, 217_646, 245_569)
_CACHE = "wikitext-2/words.bin"
_CACHE_SHA256 = "7003a39373feb2923fcb53b1a53abeca73e6e667f64e7436ced043811433d6d1"


def _load() -> tuple[list[Ids], list[str]]:
    path = cache_dir() / _CACHE
    content = bytes_of(path)
    if content is None or hashlib.sha256(content).hexdigest() != _CACHE_SHA256:
        ids, words = read_words([read(WIKITEXT2[split]) for split in ("train", "valid", "test")])
        content = ids.tobytes() + "\n".join(words).encode()
        if hashlib.sha256(content).hexdigest() != _CACHE_SHA256:
            raise RuntimeError("WikiText-2 was read wrongly on this machine: please report it with its numpy version")
        store(path, content)
    ids = np.frombuffer(content, dtype="<u2", count=sum(_TOKENS))
    words = content[ids.nbytes :].decode().split("\n")
    return np.split(ids, np.cumsum(_TOKENS[:-1])), words


def read_words(texts: list[bytes]) -> tuple[Ids, list[str]]:
    """Ids of all words in all texts, one after another, and the words in order of first appearance.

    The loop over words that everybody writes first, as a few passes over whole arrays: block by block, so that
    every pass finds its arrays in the processor's cache and asks the system for no fresh memory.

    Raises:
        ValueError: more than 65,536 different words.
    """
    table = _Words()
    ids = [table.ids_of(block).astype("<u2") for text in texts for block in _blocks(text)]
    return np.concatenate(ids or [np.empty(0, dtype="<u2")]), table.words


def _blocks(text: bytes, size: int = 2**17) -> Iterator[bytes]:
    """The text in whole lines, about ``size`` bytes at a time."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + size) + 1 or len(text)
        yield text[start:end]
        start = end


_ODD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: its multiples spread evenly
_LOWEST = np.array([2 ** (8 * count) - 1 for count in range(9)], dtype=np.uint64)  # as many bytes of eight


class _Words:
    """The words met so far, with a hash table that is searched and filled with whole arrays.

    Words are told apart by a 64-bit key: the word itself up to eight bytes, a hash of it beyond.  A slot once
    filled stays so: a key lies in the first slot of its sequence that was empty when it came.
    """

    def __init__(self) -> None:
        self.words: list[str] = []
        self._keys = np.empty(2**16, dtype=np.uint64)  # key of each id
        self._slots = np.full(2**18, -1, dtype=np.int32)  # an id, or -1: empty

    def ids_of(self, block: bytes) -> NDArray[np.int32]:
        """Ids of the words of a block; the new ones are taken in."""
        # Every line ends in a word of its own; the last eight spaces let the last word be read in whole eights.
        text = b" " + block.replace(b"\n", b" \n ") + b" " * 8
        inside = np.frombuffer(text, np.uint8) != ord(" ")
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        starts, lengths = edges[::2], edges[1::2] - edges[::2]

        eights: NDArray[np.uint64] = np.ndarray(len(text) - 7, "<u8", text, strides=(1,))
        keys = eights[starts] & _LOWEST[np.minimum(lengths, 8)]
        longer, offset = np.flatnonzero(lengths > 8), 8
        while len(longer):
            rest = eights[starts[longer] + offset] & _LOWEST[np.minimum(lengths[longer] - offset, 8)]
            keys[longer] = keys[longer] * np.uint64(_ODD) ^ rest
            offset += 8
            longer = longer[lengths[longer] > offset]

        ids = self._find(keys)
        unknown = np.flatnonzero(ids < 0)
        if len(unknown):
            new, first = np.unique(keys[unknown], return_index=True)
            self._add(new[np.argsort(first)])
            for at in unknown[np.sort(first)].tolist():
                word = text[starts[at] : starts[at] + lengths[at]].decode()
                self.words.append(END if word == "\n" else word)
            ids[unknown] = self._find(keys[unknown])
        return ids

    def _find(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The id of each key, or -1."""
        ids, attempt, pending = np.empty(len(keys), dtype=np.int32), 0, np.arange(len(keys))
        while len(pending):
            found = self._slots[_slots(keys[pending], attempt)]
            ids[pending] = found
            other = (found >= 0) & (self._keys[found] != keys[pending])
            attempt, pending = attempt + 1, pending[other]
        return ids

    def _add(self, keys: NDArray[np.uint64]) -> None:
        """Take in keys that the table does not hold; their ids go on counting."""
        known = len(self.words)
        if known + len(keys) > len(self._keys):
            raise ValueError(f"more than {len(self._keys):,} different words: ids of two bytes cannot tell them apart")
        self._keys[known : known + len(keys)] = keys
        pending, attempt = np.arange(known, known + len(keys), dtype=np.int32), 0
        while len(pending):
            slots = _slots(self._keys[pending], attempt)
            empty = self._slots[slots] < 0
            self._slots[slots[empty]] = pending[empty]
            # A slot that several new keys asked for holds one of them: the others try the next of their own.
            attempt, pending = attempt + 1, pending[self._slots[slots] != pending]


def _slots(keys: NDArray[np.uint64], attempt: int) -> NDArray[np.uint64]:
    return (keys * np.uint64(pow(_ODD, attempt + 1, 2**64))) >> np.uint64(64 - 18)


def _reduce(splits: list[Ids], words: list[str], size: int) -> tuple[list[Ids], list[str]]:
    if not 2 <= size <= len(words):
        raise ValueError(f"vocabulary_size={size}: pass a number from 2 ({UNKNOWN} and {END}) to {len(words)}")
    unknown = words.index(UNKNOWN)
    counts = np.bincount(splits[0], minlength=len(words))
    counts[[unknown, words.index(END)]] = len(splits[0])
    kept = np.sort(np.argsort(-counts, kind="stable")[:size])
    new = np.full(len(words), np.searchsorted(kept, unknown), dtype=np.uint16)
    new[kept] = np.arange(size)
    return [new[ids] for ids in splits], [words[index] for index in kept]
