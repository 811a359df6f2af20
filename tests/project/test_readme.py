"""What the README shows, runs."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import mean

import pytest

from lessons_lib.wikitext2 import table
from lessons_lib.wikitext2.cost import read_cost

README = Path(__file__).parents[2] / "README.md"
NOTEBOOKS = README.parent / "notebooks"
# Pictures of lesson 12, and words in the source of the cell that stores each.
PICTURES = {"prices.png": "one dot a seed", "proofs.png": "cost_of_proofs"}
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf8"), re.M | re.S)


def test_the_python_in_the_readme_runs(tmp_path):
    """All blocks as one program, in order, in an empty folder."""
    assert BLOCKS, "the README shows how to train, project and certify a module of the reader's own"
    program = tmp_path / "readme.py"
    program.write_text("\n".join(BLOCKS))
    run = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", str(program)],
        cwd=tmp_path,
        env={**os.environ, "LESSONS_BUDGET": "ci"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip(), "it shows something"


def test_links_within_the_repository_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", README.read_text(encoding="utf8"))
    assert [target for target in targets if not (README.parent / target).exists()] == []


def test_the_table_shown_is_the_one_its_artefacts_give():
    assert table.as_markdown(table.read_table("laptop")) in README.read_text(encoding="utf8")


def test_the_prices_told_are_those_of_the_artefacts():
    """And "level" is said of two rows whose ranges overlap."""
    rows = {row.row: row.values("test_perplexity") for row in table.read_table("laptop")}
    told = " ".join(README.read_text(encoding="utf8").split())
    free = mean(rows["lstm-unstable"])
    for row, says in {
        "lstm-stable": "{:.0f} % with the published set at a ceiling of 0.98",
        "lstm-stable-wide": "{:.0f} % with a larger certified one (`LSTMWideSet`, new here): they are level",
        "lstm-clipped": "costs {:.0f} % of that alone",
        "linear-stable": "certified too and costs {:.0f} %",
    }.items():
        assert says.format(100 * (mean(rows[row]) / free - 1)) in told
    (highest,) = read_cost("laptop")["lstm-stable"][0.995].perplexities
    assert f"at 0.995 one seed of the published set comes to {highest:.1f}" in told
    alone = 100 * (mean(rows["linear-stable"]) / mean(rows["linear-unstable"]) - 1)
    assert f"{alone:.1f} % behind itself without a bound" in told
    for one, other, says in (
        ("linear-stable", "lstm-clipped", "it is level with the LSTM whose inputs are clipped"),
        ("lstm-stable-wide", "lstm-stable", "they are level"),
        ("lstm-published-code", "lstm-stable", "it is level with the published set, which has one"),
    ):
        assert says in told
        assert max(map(min, (rows[one], rows[other]))) <= min(map(max, (rows[one], rows[other])))
    gain = 100 * (1 - mean(rows["qrnn-stable"]) / free)
    assert f"it is {gain:.0f} % *ahead* of the free LSTM, the ranges apart" in told
    assert max(rows["qrnn-stable"]) < min(rows["lstm-unstable"])
    own = 100 * (mean(rows["qrnn-stable"]) / mean(rows["qrnn-unstable"]) - 1)
    assert f"and {own:.1f} % behind itself without the ceiling" in told
    (slower,) = table.at_other_rates("laptop")
    (score,) = slower.values("test_perplexity")
    assert f"the free LSTM comes to {score:.1f} (one seed), and stays behind" in told
    assert max(rows["qrnn-stable"]) < score < min(rows["lstm-unstable"])


def test_the_feed_forward_model_is_ahead_of_the_free_lstm_as_told():
    rows = {row.row: row for row in table.read_table("laptop")}
    told = " ".join(README.read_text(encoding="utf8").split())
    free, cut = rows["lstm-unstable"].on_pages(), rows["qrnn-stable"].on_pages(50)
    assert "Cut to its last 50 words" in told
    assert f"({mean(cut):.1f} against {mean(free):.1f}: 2,020 words at the ends of 20 pages" in told
    assert max(cut) < min(free)
    by_ceiling = read_cost("laptop")["qrnn-stable"]
    assert max(by_ceiling[0.98].needed) == 150
    assert "with 150 words no output is off by more than 0.1" in told
    (lower,) = by_ceiling[0.9].perplexities
    assert f"at 0.9 the theorem asks for {by_ceiling[0.9].needed[0]} words" in told
    assert f"the perplexity, {lower:.1f} (one seed), is still that of the free LSTM" in told
    scores = rows["lstm-unstable"].values("test_perplexity")
    assert min(scores) <= lower <= max(scores)


def test_what_it_says_of_the_larger_model_is_what_its_trainings_gave():
    larger = {row.row: row.artefacts[0] for row in table.read_table("desk") if row.artefacts}
    score = {row: one["test_perplexity"] for row, one in larger.items()}
    price = {row: 100 * (value / score["lstm-unstable"] - 1) for row, value in score.items()}
    told = " ".join(README.read_text(encoding="utf8").split())
    assert f"the free LSTM comes to {score['lstm-unstable']:.1f}" in told
    for row, says in (("lstm-stable", "the published set to"), ("linear-stable", "`linear-stable` to")):
        assert f"{says} {score[row]:.1f} (+{price[row]:.0f} %)" in told
    assert f"the certified QRNN to {score['qrnn-stable']:.1f} (+{price['qrnn-stable']:.0f} %; on the" in told
    assert "on the validation text it was ahead for ten of twelve epochs" in told
    free, certified = (larger[row]["curve"] for row in ("lstm-unstable", "qrnn-stable"))
    ahead = [a["valid_perplexity"] < b["valid_perplexity"] for a, b in zip(certified, free, strict=True)]
    assert ahead == [True] * 10 + [False] * 2


def stored_picture(lesson: str, words: str) -> bytes:
    """The picture that a lesson stores under the cell with these words in its source."""
    cells = json.loads((NOTEBOOKS / lesson).read_text(encoding="utf8"))["cells"]
    (found,) = [cell for cell in cells if cell["cell_type"] == "code" and words in "".join(cell["source"])]
    (picture,) = [output["data"]["image/png"] for output in found["outputs"] if "image/png" in output.get("data", {})]
    return base64.b64decode(picture)


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_study_are_those_that_lesson_12_stores(name):
    file = NOTEBOOKS / "pictures" / name
    assert f"({file.relative_to(README.parent)})" in README.read_text(encoding="utf8")
    assert file.read_bytes() == stored_picture("12_wikitext2.ipynb", PICTURES[name])


if __name__ == "__main__":
    for name, words in PICTURES.items():
        (NOTEBOOKS / "pictures" / name).write_bytes(stored_picture("12_wikitext2.ipynb", words))
