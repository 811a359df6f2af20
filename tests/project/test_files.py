"""The files around the library agree with each other and with what they promise."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    if line and not line.startswith("#")
)


def direct_dependencies() -> list[Requirement]:
    """Of the library and all its extras, the project's own name left out."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    found = (Requirement(text) for one in lists for text in one)
    return [requirement for requirement in found if requirement.name != PROJECT["name"]]


def test_every_direct_dependency_of_learners_and_tests_is_pinned_within_its_bounds():
    extras = PROJECT["optional-dependencies"]
    tested = {Requirement(text).name for text in [*PROJECT["dependencies"], *extras["lab"], *extras["test"]]}
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    for requirement in direct_dependencies():
        name = canonicalize_name(requirement.name)
        if requirement.name in tested:
            assert name in pins, f"{name} is not pinned in constraints.txt"
        if name in pins:
            assert requirement.specifier.contains(pins[name]), f"{requirement} against {pins[name]}"


def test_pins_hold_anywhere():
    """Plain versions: no local build such as +cpu, no path, no address."""
    for name, version in PINS.items():
        assert re.fullmatch(r"[\w.-]+", name), name
        assert re.fullmatch(r"\d+[\w.]*", version), f"{name}=={version}"


def test_environment_yml_is_what_conda_and_binder_read():
    assert ENVIRONMENT.keys() == {"name", "channels", "dependencies"}
    assert all(isinstance(channel, str) for channel in ENVIRONMENT["channels"])
    *conda, last = ENVIRONMENT["dependencies"]
    assert [Requirement(spec).name for spec in conda] == ["python", "pip"]
    assert last.keys() == {"pip"}
    assert all(isinstance(line, str) for line in last["pip"])


def test_environment_yml_asks_for_a_python_that_the_project_supports():
    (asked,) = [Requirement(spec) for spec in ENVIRONMENT["dependencies"][:-1] if spec.startswith("python ")]
    supported = SpecifierSet(PROJECT["requires-python"])
    minors = {f"3.{minor}" for minor in range(30) if asked.specifier.contains(f"3.{minor}")}
    assert minors
    assert all(supported.contains(minor) for minor in minors)
    assert "3.11" in minors, "the version that constraints.txt was tested with"


def test_environment_yml_installs_extras_that_exist_and_holds_no_list_of_its_own():
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    (editable,) = [line for line in pip if line.startswith("-e ")]
    (extras,) = re.fullmatch(r"-e \.\[([\w,-]+)\]", editable).groups()
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()
    assert [line for line in pip if line != editable] == ["-c constraints.txt"]


def test_pip_finds_nothing_to_change_in_an_environment_made_by_make(tmp_path):
    """The pip half of environment.yml resolves against the pins, offline, to what is installed here."""
    report = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-build-isolation"),
            *("--disable-pip-version-check", "-c", "constraints.txt", "-e", ".[lab]"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.returncode == 0, report.stdout + report.stderr
    installed = re.findall(r"^Would install (.*)$", report.stdout, re.M)
    assert installed == [f"lessons-lib-{PROJECT['version']}"], installed


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("citation-file-format", "CITATION.cff"),
    ],
)
def test_files_that_services_read_follow_their_schema(schema, pattern):
    files = [str(path) for path in ROOT.glob(pattern)]
    assert files
    check = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_workflows_call_only_commands_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf8"), re.M))
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf8"))["jobs"].values():
            commands = [step["run"] for step in job["steps"] if "run" in step]
            assert commands
            for command in commands:
                if called := re.match(r"make (\w+)", command):
                    assert called[1] in targets, command
                if command.startswith("."):
                    script = command.split()[0]
                    assert script.startswith(".venv/") or (ROOT / script).exists(), command


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_clean_removes_what_was_built_and_keeps_what_learners_wrote_on_the_class_server(tmp_path):
    written, built = (tmp_path / "build" / place for place in ("hub/homes/ada/notes.ipynb", "site/index.html"))
    for path in (written, built):
        path.parent.mkdir(parents=True)
        path.touch()
    subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), "-C", str(tmp_path), "clean"], check=True, capture_output=True
    )
    assert written.exists()
    assert not built.parent.exists()


def test_the_version_is_the_same_wherever_it_stands():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["version"] == PROJECT["version"]
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    assert set(citation["license"]) == set(PROJECT["license"].split(" AND "))


def test_no_tracked_file_names_a_folder_of_somebody_s_machine():
    """A path that begins at a home, a temporary or a private folder works on one machine only."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is no list of tracked files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    private = re.compile(rb"(?<![\w.}~$)*])/(?:home|root|Users|work|tmp|opt|mnt)/[\w.]")
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            found += [
                f"{name}: {line.strip()[:120]!r}" for line in path.read_bytes().splitlines() if private.search(line)
            ]
    assert found == []


def test_the_container_of_an_editor_calls_what_exists():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf8"))
    assert container["image"]
    assert re.match(r"make (\w+)", container["postCreateCommand"])[1] == "lab"
