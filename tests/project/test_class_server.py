"""The class server: what its measurement says, and files that only a real machine can try are at least well-formed."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from traitlets.config import Config

from docs.pages import class_sizes, largest_class, span
from lessons_lib import files
from lessons_lib.cli import EXPECTED
from lessons_lib.experiments.class_server import CLASS_SERVER, MOVES, Hub, percentile_95

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


def test_without_a_proxy_the_measurement_says_what_to_do_as_an_error_that_the_command_line_expects(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("lessons_lib.experiments.class_server.checkout", lambda: tmp_path)
    with pytest.raises(EXPECTED, match="run `make hub` once"):
        Hub(tmp_path)


def test_the_proxy_is_pinned_and_its_lock_names_no_registry():
    asked = json.loads((DEPLOY / "package.json").read_text(encoding="utf8"))["dependencies"]
    locked = json.loads((DEPLOY / "package-lock.json").read_text(encoding="utf8"))["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert not any("resolved" in package for package in locked.values())


def test_the_recipe_s_files_are_well_formed():
    subprocess.run(["sh", "-n", str(DEPLOY / "tljh.sh")], check=True)
    for name in ("tljh.py", "jupyterhub_config.py"):
        compile((DEPLOY / name).read_text(encoding="utf8"), name, "exec")


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """What a configuration file says; a hub need not be installed to read it."""
    spawner = SimpleNamespace(SimpleLocalProcessSpawner=object)
    monkeypatch.setitem(sys.modules, "jupyterhub", SimpleNamespace(spawner=spawner))
    monkeypatch.setitem(sys.modules, "jupyterhub.spawner", spawner)
    monkeypatch.setenv("LESSONS_HUB_FOLDER", str(tmp_path))

    def configured(name: str) -> Config:
        configuration = Config()
        runpy.run_path(str(DEPLOY / name), {"get_config": lambda: configuration})
        return configuration

    return configured


def test_nobody_logs_in_without_the_password_that_the_hub_prints_at_its_start(configured, monkeypatch, capsys):
    monkeypatch.delenv("LESSONS_HUB_PASSWORD", raising=False)
    first = configured("jupyterhub_config.py")
    assert first.JupyterHub.authenticator_class == "shared-password"
    drawn = [hub.SharedPasswordAuthenticator.user_password for hub in (first, configured("jupyterhub_config.py"))]
    assert drawn[0] != drawn[1]
    assert min(map(len, drawn)) >= 16
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == drawn
    monkeypatch.setenv("LESSONS_HUB_PASSWORD", "one of my own")
    assert configured("jupyterhub_config.py").SharedPasswordAuthenticator.user_password == "one of my own"


def test_folders_that_the_hub_was_given_are_the_same_ones_in_a_learner_s_home(configured, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LESSONS_DATA_DIR", "data")
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path / "cache"))
    spawner = configured("jupyterhub_config.py").Spawner
    told = spawner.environment
    assert told["LESSONS_DATA_DIR"] == str((tmp_path / "data").resolve())
    assert told["LESSONS_CACHE_DIR"] == str((tmp_path / "cache").resolve())
    assert not {"LESSONS_DATA_DIR", "LESSONS_CACHE_DIR"} & set(spawner.env_keep)


@pytest.mark.parametrize("name", ["tljh.py", "jupyterhub_config.py"])
def test_learners_of_one_checkout_save_their_runs_each_in_a_home_of_their_own(name, configured, tmp_path, monkeypatch):
    for variable, value in configured(name).Spawner.environment.items():
        monkeypatch.setenv(variable, value)
    places = []
    for learner in ("ada", "emmy"):
        for home in ("HOME", "USERPROFILE"):
            monkeypatch.setenv(home, str(tmp_path / learner))
        places.append(files.runs_folder())
    assert places == [tmp_path / "ada" / "my_runs", tmp_path / "emmy" / "my_runs"]


def test_the_recipe_installs_the_checkout_in_place_and_downloads_to_where_learners_look():
    recipe = (DEPLOY / "README.md").read_text(encoding="utf8")
    assert 'pip install -c constraints.txt -e ".[lab]"' in recipe
    (place,) = re.findall(r"LESSONS_CACHE_DIR=(\S+) lessons data", recipe)
    assert f'"LESSONS_DATA_DIR": "{place}"' in (DEPLOY / "tljh.py").read_text(encoding="utf8")
