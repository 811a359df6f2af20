"""The class server: what its measurement says, and files that only a real machine can try are at least well-formed."""

import json
import re
import subprocess
from pathlib import Path

from docs.pages import class_sizes, largest_class, span
from lessons_lib.experiments.class_server import CLASS_SERVER, MOVES, percentile_95

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "jupyterhub"
POINTS = CLASS_SERVER.read().points


def test_what_the_guide_says_of_every_measured_class():
    assert [point.learners for point in POINTS] == sorted(point.learners for point in POINTS)
    for point in POINTS:
        assert len(point.steps) == len(point.learner_megabytes) == point.learners
        assert min(point.steps) > 0
        assert "load" in point.machine
        assert point.files_kept
        assert point.kernels_kept
        if point.learners > 1:
            assert point.memory_was_refused
            assert point.runaway_share > 0


def test_the_guide_s_table_has_a_row_for_each_class():
    rows = class_sizes(POINTS).splitlines()
    assert len(rows) == 2 + len(POINTS)
    assert {row.count("|") for row in rows} == {8}
    assert [int(row.split("|")[1]) for row in rows[2:]] == [point.learners for point in POINTS]
    assert span([20.4, 31.2, 25.0]) == "20 and 31 s"
    assert largest_class(POINTS) >= 4
    page = (ROOT / "docs" / "teaching" / "class_server.md").read_text(encoding="utf8")
    computed = set(re.findall(r"\{\{ (\w+) \}\}", page))
    assert {"class_sizes", "class_machine", "class_largest"} <= computed
    assert f"the slider of the bound {MOVES} times" in page


def test_the_95th_percentile_is_one_of_the_values():
    assert percentile_95([3.0]) == 3.0
    assert percentile_95([float(n) for n in range(1, 101)]) == 95.0


def test_the_proxy_is_pinned_and_its_lock_names_no_registry():
    asked = json.loads((DEPLOY / "package.json").read_text(encoding="utf8"))["dependencies"]
    locked = json.loads((DEPLOY / "package-lock.json").read_text(encoding="utf8"))["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert not any("resolved" in package for package in locked.values())


def test_the_recipe_s_files_are_well_formed():
    subprocess.run(["sh", "-n", str(DEPLOY / "tljh.sh")], check=True)
    for name in ("tljh.py", "jupyterhub_config.py"):
        compile((DEPLOY / name).read_text(encoding="utf8"), name, "exec")
