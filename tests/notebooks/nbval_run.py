"""Strict nbval on one notebook in a process of its own, the library whole or with one function broken."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUTATIONS = Path(__file__).with_name("mutations.py")

# Runs in the kernel before the first cell; the library knows nothing of it.
STARTUP = """
import pathlib as _pathlib, runpy as _runpy, traceback as _traceback
try:
    _names = _runpy.run_path({mutations!r})
    _names["apply"](_names["MUTATIONS"][{lesson!r}])
    _pathlib.Path({report!r}).write_text("broken")
except Exception:
    _pathlib.Path({report!r}).write_text(_traceback.format_exc())
"""


def nbval(notebook: Path, ipython_folder: Path) -> subprocess.CompletedProcess[str]:
    """Stops at the first red cell; its exit status is pytest's: 0 green, 1 red, more when nbval itself failed."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}"),
            *("-p", "nbval.plugin", "--nbval", "-x", "-p", "no:cacheprovider", str(notebook)),
        ],
        cwd=ROOT,
        env={**os.environ, "IPYTHONDIR": str(ipython_folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def nbval_broken(notebook: Path, folder: Path, mutations: Path = MUTATIONS) -> subprocess.CompletedProcess[str]:
    """The same with the lesson's function broken in the kernel.  RuntimeError when it could not be broken."""
    startup, report = folder / "profile_default" / "startup", folder / "report.txt"
    startup.mkdir(parents=True)
    source = STARTUP.format(mutations=str(mutations), lesson=notebook.stem, report=str(report))
    (startup / "00-break.py").write_text(source)
    run = nbval(notebook, folder)
    said = report.read_text() if report.exists() else f"its kernel did not start\n{run.stdout}{run.stderr}"
    if said != "broken":
        raise RuntimeError(f"the function of {notebook.stem} could not be broken:\n{said}")
    return run
