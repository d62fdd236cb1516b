from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.curator.build import build
from services.curator.card import card
from services.curator.export import export_card
from shared.storage.dataset import DatasetVersion
from tests.unit.curator.examples import example

VERSION = DatasetVersion(
    number=3,
    created=datetime(2025, 11, 3, 9, 30, tzinfo=UTC),
    accepted=3,
    rejected=2,
    documents=2,
    fingerprint="0123456789abcdef",
    table_version=7,
    made={"checks": {"round_trip": 0.85}, "build": {"rank_depth": 10}},
)
ROWS = build(
    [
        example("Why did she choose that name?", 0, scores={"round_trip": 0.9, "human": 1.0}),
        example("In what year was it found?", 1, scores={"round_trip": 0.95}),
        example("What <made> her & it known?", 2, "other.html", scores={}, title="A | B"),
        example("And?", 3, status="rejected", reasons=("question_fragment", "reviewer")),
        example("In what year was it found?", 4),
    ],
    ranks={},
)


def readme(**more) -> str:
    return card(ROWS, VERSION, **more)["README.md"]


def test_the_card_begins_with_what_the_hub_reads():
    head, _ = readme(file="train.jsonl").removeprefix("---\n").split("\n---\n", 1)
    lines = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    assert lines["license"] == "other"
    assert lines["size_categories"] == '["n<1K"]'
    assert "expert-generated" in lines["annotations_creators"]
    assert lines["  data_files"] == '"train.jsonl"'
    assert "data_files" not in readme()


def test_the_card_tells_how_many_rows_there_are_and_why_others_are_not():
    text = readme()
    assert "# Gristmill dataset v3" in text
    assert "3 questions with answers to 3 passages of 2 documents" in text
    assert "60% of 5 rows" in text
    assert "| question_repeated | 1 |" in text
    assert "| train | 3 | 2 |" in text
    assert "| `round_trip` | 2 | " in text
    assert "| A \\| B | train | 1 | 0 |" in text
    assert "| in | 1 |" in text
    assert '"round_trip": 0.85' in text


def test_the_card_says_what_is_not_known():
    text = readme()
    assert "No index was asked" in text
    assert "not compared with any test set" in text
    ranked = [replace(row, scores={**row.scores, "own_passage_rank": 1.0}) for row in ROWS]
    assert "first for 100.0% of the rows" in card(ranked, VERSION)["README.md"]
    compared = replace(VERSION, made={"decontaminated": {"ab" * 32: "squad.json"}})
    assert "compared with `squad.json`" in card(ROWS, compared)["README.md"]


def test_people_s_verdicts_are_counted():
    assert "People judged 1 rows and rejected 0 of them." in readme()


def test_the_plots_are_svg_that_the_card_shows():
    files = card(ROWS, VERSION, plots="here")
    plots = [name for name in files if name.endswith(".svg")]
    assert plots == ["here/verdicts.svg", "here/scores.svg", "here/questions.svg"]
    for name in plots:
        assert ET.fromstring(files[name]).tag.endswith("svg")
        assert f"![]({name})" in files["README.md"]
    assert ">3</text>" in files["here/verdicts.svg"]


@pytest.mark.parametrize("rows", [[], ROWS[3:4]])
def test_a_version_without_accepted_rows_has_a_card(rows):
    files = card(rows, VERSION)
    assert "0 questions with answers" in files["README.md"]
    assert all(ET.fromstring(text) is not None for name, text in files.items() if "svg" in name)


def test_the_same_rows_give_the_same_card():
    assert card(ROWS, VERSION) == card(list(ROWS), VERSION)


def test_an_exported_file_has_its_card_beside_it_and_no_other_readme_is_touched(tmp_path):
    assert export_card(ROWS, VERSION, tmp_path / "train.jsonl") == tmp_path / "README.md"
    assert "beside `train.jsonl`" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "train-card" / "scores.svg").is_file()
    export_card(ROWS, VERSION, tmp_path / "other.json")
    assert "beside `other.json`" in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("# Mine\n")
    assert export_card(ROWS, VERSION, tmp_path / "train.jsonl") == tmp_path / "train.README.md"
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
