"""Downloads against a server on loopback.  The real hosts are never contacted here."""

import contextlib
import errno
import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lessons_lib.corpora import download
from lessons_lib.corpora.download import DataFile, DataUnavailable, Mirror

CONTENT = b"the bytes that were pinned\n" * 4000


class Server(ThreadingHTTPServer):
    """Answers by path; remembers what was asked and by whom."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        agent = self.headers.get("User-Agent", "")
        self.server.requests.append((self.path.strip("/"), agent))
        kind = self.path.strip("/")
        if kind == "forbidden" or (kind == "picky" and agent.startswith("python")):
            self.send_error(403)
            return
        bodies = {"wrong": CONTENT[::-1], "short": CONTENT[:-1], "page": b"<html>sign in</html>"}
        body = bodies.get(kind, CONTENT)
        if kind == "archive":
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("folder/file.tokens", CONTENT)
            body = buffer.getvalue()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind == "cut":
            self.wfile.write(body[: len(body) // 2])
            return
        if kind == "slow":
            self.wfile.write(body[:100])
            self.wfile.flush()
            time.sleep(0.5)
            body = body[100:]
        with contextlib.suppress(ConnectionError):  # the client was killed: that test looks at its files
            self.wfile.write(body)

    def log_message(self, *_):
        """Requests are remembered, not printed."""


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            socket.create_connection(server.server_address, timeout=5).close()
        except OSError:
            server.shutdown()
            pytest.skip("no loopback network on this machine")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch, tmp_path):
    """No local data, an empty cache, no proxy between the test and loopback."""
    pytest.importorskip("pooch", reason="pooch is not installed: nothing can be downloaded")
    monkeypatch.delenv("LESSONS_DATA_DIR", raising=False)
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def pinned(*mirrors: str | Mirror) -> DataFile:
    listed = tuple(Mirror(mirror) if isinstance(mirror, str) else mirror for mirror in mirrors)
    return DataFile("set/file.txt", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), listed)


def cached_files(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_file_is_downloaded_once_and_then_read_from_the_cache(server, tmp_path):
    file = pinned(server.url("good"))
    assert not download.available(file)
    assert download.read(file) == CONTENT
    assert download.available(file)
    assert download.read(file) == CONTENT
    assert server.paths() == ["good"]
    assert cached_files(tmp_path) == [tmp_path / "cache" / "set" / "file.txt"]


def test_asking_whether_data_is_here_never_downloads(server):
    assert not download.available(pinned(server.url("good")))
    assert server.requests == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("wrong", "SHA-256"),
        ("short", "bytes instead of"),
        ("page", "bytes instead of"),
        ("cut", "IncompleteRead"),
        ("forbidden", "403"),
    ],
)
def test_a_bad_mirror_is_passed_over_and_named_when_no_other_is_left(server, tmp_path, bad, reason):
    assert download.read(pinned(server.url(bad), server.url("good"))) == CONTENT
    assert server.paths() == [bad, "good"]
    (tmp_path / "cache" / "set" / "file.txt").unlink()
    with pytest.raises(DataUnavailable) as caught:
        download.read(pinned(server.url(bad)))
    message = str(caught.value)
    assert "\n" not in message
    assert "127.0.0.1" in message
    assert reason in message
    assert cached_files(tmp_path) == []


def test_without_a_network_one_line_names_three_ways_out(tmp_path):
    with Server() as closed:
        nobody = closed.url("good")
    with pytest.raises(DataUnavailable) as caught:
        download.read(pinned(nobody))
    message = str(caught.value)
    assert "\n" not in message
    for way_out in ("connect to the internet", "LESSONS_DATA_DIR", "synthetic"):
        assert way_out in message
    assert cached_files(tmp_path) == []


def test_a_mirror_may_hold_the_file_in_an_archive(server):
    member = "folder/file.tokens"
    assert download.read(pinned(Mirror(server.url("archive"), member))) == CONTENT


WRONG_ARCHIVES = [("archive", "folder/other.tokens"), ("page", "folder/file.tokens")]


@pytest.mark.parametrize(("path", "member"), WRONG_ARCHIVES)
def test_an_archive_that_does_not_hold_the_file_is_passed_over(server, path, member):
    assert download.read(pinned(Mirror(server.url(path), member), server.url("good"))) == CONTENT


def test_the_request_says_who_asks(server):
    assert download.read(pinned(server.url("picky"))) == CONTENT
    assert "lessons-lib" in server.requests[0][1]


def test_a_local_folder_comes_first(server, tmp_path, monkeypatch):
    (tmp_path / "local" / "set").mkdir(parents=True)
    (tmp_path / "local" / "set" / "file.txt").write_bytes(CONTENT)
    monkeypatch.setenv("LESSONS_DATA_DIR", str(tmp_path / "local"))
    assert download.read(pinned(server.url("good"))) == CONTENT
    assert server.requests == []
    assert cached_files(tmp_path) == []


def test_a_wrong_file_in_the_local_folder_is_an_error_not_a_detour(server, tmp_path, monkeypatch):
    path = tmp_path / "local" / "set" / "file.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1] + b"?")
    monkeypatch.setenv("LESSONS_DATA_DIR", str(tmp_path / "local"))
    with pytest.raises(DataUnavailable, match=r"is not the pinned file \(SHA-256 .*replace or remove"):
        download.read(pinned(server.url("good")))
    assert server.requests == []


def test_a_damaged_cache_is_replaced(server, tmp_path):
    file = pinned(server.url("good"))
    download.read(file)
    path = tmp_path / "cache" / "set" / "file.txt"
    path.write_bytes(CONTENT[: len(CONTENT) // 2])
    assert not download.available(file)
    assert download.read(file) == CONTENT
    assert path.read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_costs_a_warning_only(server, tmp_path, monkeypatch):
    # A file where the folder should be stops even root, whom permissions do not.
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path / "blocked"))
    with pytest.warns(UserWarning, match="LESSONS_CACHE_DIR"):
        assert download.read(pinned(server.url("good"))) == CONTENT


@pytest.mark.parametrize("function", ["mkdir", "fsync", "replace"])
def test_a_full_disk_leaves_no_half_written_file(server, tmp_path, monkeypatch, function):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path if function == "mkdir" else os, function, full)
    with pytest.warns(UserWarning, match="No space left"):
        assert download.read(pinned(server.url("good"))) == CONTENT
    assert cached_files(tmp_path) == []


def test_a_disk_that_fills_while_writing_leaves_nothing_behind(server, tmp_path):
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
    if sys.platform == "win32":
        pytest.skip("Windows has no limit on the size of a file")
    run = subprocess.run(reader(server, "good", before=limit), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "File too large" in run.stderr
    assert cached_files(tmp_path) == []


def reader(server: Server, path: str, before: str = "") -> list[str]:
    """The command of another process that reads the pinned file and checks it."""
    code = (
        "import sys\nfrom lessons_lib.corpora.download import DataFile, Mirror, read\n"
        + before
        + f"file = DataFile('set/file.txt', {len(CONTENT)}, '{hashlib.sha256(CONTENT).hexdigest()}', "
        f"(Mirror('{server.url(path)}'),))\n"
        f"assert len(read(file)) == {len(CONTENT)}\n"
    )
    return [sys.executable, "-c", code]


def test_two_processes_that_download_at_once_both_get_the_whole_file(server, tmp_path):
    processes = [subprocess.Popen(reader(server, "slow"), stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert cached_files(tmp_path) == [tmp_path / "cache" / "set" / "file.txt"]
    assert (tmp_path / "cache" / "set" / "file.txt").read_bytes() == CONTENT


def test_a_process_killed_in_a_download_leaves_no_file(server, tmp_path):
    with subprocess.Popen(reader(server, "slow"), stderr=subprocess.DEVNULL) as process:
        while not server.requests and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert server.paths() == ["slow"]
    assert cached_files(tmp_path) == []


def test_what_a_process_killed_before_the_rename_leaves_is_never_read(server, tmp_path):
    stop = "import os\ndef stop(*_):\n    print('written', flush=True)\n    sys.stdin.read()\nos.replace = stop\n"
    command, path = reader(server, "good", before=stop), tmp_path / "cache" / "set" / "file.txt"
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "written\n"
        process.kill()
    assert [left.suffix for left in cached_files(tmp_path)] == [".tmp"]
    assert not download.available(pinned())
    assert download.read(pinned(server.url("good"))) == path.read_bytes() == CONTENT
    assert server.paths() == ["good", "good"]


def test_without_pooch_local_files_are_read_and_a_download_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataUnavailable, match=r"pooch is not installed: pip install"):
        download.read(pinned("http://127.0.0.1:9/good"))
    download.store(tmp_path / "cache" / "set" / "file.txt", CONTENT)
    assert download.read(pinned()) == CONTENT


def test_every_real_source_is_pinned():
    for file in (*download.WIKITEXT2.values(), download.JSB_CHORALES):
        assert len(file.sha256) == 64
        assert len({mirror.url.split("/")[2] for mirror in file.mirrors}) >= 2
        assert all(mirror.url.startswith("https://") for mirror in file.mirrors)
