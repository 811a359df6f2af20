"""A missing browser is a skip with a reason on a learner's machine, and a failure where one was promised."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("required", "status", "outcome"), [("", 0, "1 skipped"), ("1", 1, "1 error")])
def test_a_missing_browser_is_a_failure_only_where_it_is_required(required, status, outcome, tmp_path):
    (tmp_path / "test_it.py").write_text("import pytest\n\n@pytest.mark.browser\ndef test_it():\n    pass\n")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-rs", "-p", "conftest", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *(f"--config-file={ROOT / 'pyproject.toml'}", f"--rootdir={tmp_path}", str(tmp_path)),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path), "BROWSER_PATH": "", "LESSONS_REQUIRE_BROWSER": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == status, run.stdout + run.stderr
    assert outcome in run.stdout
    assert "no chromium was found: install one" in run.stdout
