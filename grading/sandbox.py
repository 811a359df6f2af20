"""Cells of a stranger, executed where they can harm nobody.

Bubblewrap gives every notebook namespaces of its own: it sees the system's programs, this Python, the library and its
stored results, all of them read-only; an empty folder in memory that is gone afterwards; no network, no other process,
no variable of the teacher's environment, no other submission, no solution, no gradebook.  Limits on time, memory,
processes and output come on top, and killing the sandbox kills all that was started in it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
# What may be read in there: without the solutions, which lie in notebooks/.
READABLE = ("lessons_lib", "grading", "data/results", "pyproject.toml")
HOME = "/student"  # in there
MOST_ANSWER = 20_000_000
MOST_PROCESSES = 256
GRACE = 30  # seconds beyond a notebook's limit, for the kernel to start and to end


@dataclass(frozen=True)
class Limits:
    """Of one notebook: seconds of a cell and of all, megabytes of memory a process and of files."""

    cell_seconds: float = 30
    seconds: float = 180
    megabytes: int = 1500


OF_A_NOTEBOOK = Limits()


@dataclass(frozen=True)
class Executed:
    """The outputs of each cell that was finished, and why not all were; None when all were."""

    outputs: Sequence[Sequence[Mapping]]
    stopped: str | None


def bubblewrap(megabytes: int) -> list[str]:
    """The command that runs another one in a sandbox.

    Raises:
        RuntimeError: there is no bubblewrap here, or the system does not allow it; the message says what to do.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise RuntimeError(
            "strangers' notebooks run in a sandbox, and bubblewrap is not installed: apt install bubblewrap (Linux). "
            "Elsewhere grade in a virtual machine that holds nothing of value, with SANDBOX=none"
        )
    command = [program, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    command += ["--die-with-parent", "--new-session", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
    for folder in ("/tmp", HOME):
        command += ["--size", str(megabytes * 2**20), "--tmpfs", folder]
    command += ["--chdir", HOME]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib64"):
        path = Path(folder)
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), folder]
        elif path.is_dir():
            command += ["--ro-bind", folder, folder]
    needed = {Path(sys.prefix), Path(sys.base_prefix), *(ROOT / name for name in READABLE)}
    needed |= {Path(folder) for folder in sys.path if folder.endswith("site-packages") and Path(folder).is_dir()}
    for path in sorted(needed):  # a folder comes before what lies in it
        command += ["--ro-bind", str(path), str(path)]
    tried = subprocess.run([*command, sys.executable, "-c", ""], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise RuntimeError(
            f"bubblewrap does not work on this system ({tried.stderr.strip()}). On Ubuntu 23.10 and later "
            "allow it until the next start: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return command


def environment(home: str) -> dict[str, str]:
    """All that a notebook's process is told."""
    return {
        "HOME": home,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "LESSONS_BUDGET": "ci",
        "LESSONS_CACHE_DIR": f"{home}/cache",
        "PLOTLY_RENDERER": "plotly_mimetype",
    }


def run(cells: Sequence[str], limits: Limits = OF_A_NOTEBOOK, sandbox: Sequence[str] = ()) -> Executed:
    """Execute code cells one after the other in one kernel, in a process of its own.

    Args:
        sandbox: the command of :func:`bubblewrap`.  Without it there is a process group with limits in a temporary
            folder and an empty environment, but nothing keeps it from the user's own files.
    """
    # Outside a sandbox the system counts all processes of the user together: no limit there.
    job = {"cells": list(cells), **vars(limits), "processes": MOST_PROCESSES if sandbox else None}
    with ExitStack() as stack:
        questions, answers = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        questions.write(json.dumps(job).encode())
        questions.seek(0)
        home = HOME if sandbox else stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        told = [word for name, value in environment(home).items() for word in ("--setenv", name, value)]
        child = subprocess.Popen(
            [*sandbox, *(told if sandbox else ()), sys.executable, "-m", "grading.inside"],
            stdin=questions,
            stdout=answers,
            stderr=subprocess.DEVNULL,
            env={} if sandbox else environment(home),
            cwd=None if sandbox else home,
            start_new_session=True,
        )
        try:
            child.wait(limits.seconds + GRACE)
        except subprocess.TimeoutExpired:
            return Executed((), f"the notebook took longer than {limits.seconds:.0f} s and did not stop")
        finally:
            _end(child)
        answers.seek(0)
        return _read(answers.read(MOST_ANSWER + 1), len(cells))


def _end(child: subprocess.Popen) -> None:
    """Kill the process group: of a sandbox that is its first process, and all others end with it."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read(answer: bytes, cells: int) -> Executed:
    """What came out of the sandbox; a stranger's process may have written it, so it is believed only in this form."""
    if len(answer) > MOST_ANSWER:
        return Executed((), "it put out too much")
    try:
        given = json.loads(answer)
        outputs, stopped = given["outputs"], given["stopped"]
        for of_cell in outputs:
            cell = nbformat.v4.new_code_cell("", outputs=[nbformat.from_dict(output) for output in of_cell])
            nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError):
        return Executed((), "it ended the process that executed it")
    if not isinstance(stopped, str | None) or len(outputs) > cells or (len(outputs) < cells and stopped is None):
        return Executed((), "its outputs do not belong to its cells")
    return Executed(outputs, stopped)
