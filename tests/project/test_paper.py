"""The paper answers each criterion of a reviewer of learning modules by name, within the journal's length."""

import re
from pathlib import Path
from statistics import mean

import yaml

from lessons_lib.wikitext2 import table

ROOT = Path(__file__).parents[2]
PAPER = (ROOT / "paper.md").read_text(encoding="utf8")
HEADINGS = " ".join(re.findall(r"^# (.*)$", PAPER, re.M)).lower()
CRITERIA = [
    *("statement of need", "target audience", "installation", "dependencies", "usage", "how others can teach with it"),
    *("community guidelines", "learning objectives", "content", "sequence", "scope", "length", "pedagogy"),
    *("cognitive load", "content quality", "instructional design", "experience of use", "story"),
]


def test_each_criterion_has_a_heading():
    assert [criterion for criterion in CRITERIA if criterion not in HEADINGS] == []


def test_its_authors_are_named():
    head = yaml.safe_load(PAPER.split("---", 2)[1])
    assert all(author["name"] and author["affiliation"] for author in head["authors"])


def test_it_has_fewer_than_a_thousand_words():
    assert len(PAPER.split("---", 2)[2].split()) < 1_000


def test_what_it_cites_stands_in_its_bibliography():
    cited = set(re.findall(r"@(\w+)", PAPER.split("---", 2)[2]))
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper.bib").read_text(encoding="utf8"), re.M))


def test_files_and_commands_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in re.findall(r"`make (\w+)`", PAPER))
    assert all((ROOT / name).exists() for name in re.findall(r"`([\w/]+\.md|docs/\w+)`", PAPER))


def test_the_prices_it_tells_are_those_of_the_study():
    means = {row.row: mean(row.values("test_perplexity")) for row in table.read_table("laptop")}
    prices = {row: f"{100 * (value / means['lstm-unstable'] - 1):.0f}" for row, value in means.items()}
    told = " ".join(PAPER.split())
    assert f"costs an LSTM about {prices['lstm-stable']} per cent in perplexity, where the authors reported 3" in told
    assert f"a linear recurrence about {prices['linear-stable']}" in told
    ahead = f"{-float(prices['qrnn-stable']):.0f}"
    assert f"a certified quasi-recurrent network is about {ahead} per cent ahead of the unconstrained LSTM" in told
