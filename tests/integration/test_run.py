"""`gristmill run` and the commands around it, as a user types them."""

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import redis

from tests.endpoint import Endpoint
from tests.integration.conftest import TOPICS, Gristmill, paragraph

pytestmark = pytest.mark.connected

KEYS = {
    "documents",
    "passages",
    "summaries",
    "questions",
    "accepted",
    "rejected",
    "indexed",
    "unchanged",
    "retracted",
    "dead",
    "seconds",
    "dataset_version",
}


def content(rows: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """What must be the same however often a run was interrupted."""
    return {
        (row["example_id"], row["question"], row["answer"], row["status"], row["source_uri"])
        for row in rows
    }


def test_a_run_makes_a_dataset_and_an_index(gristmill: Gristmill, documents: Path) -> None:
    report = gristmill.json("run", str(documents))
    assert set(report) >= KEYS
    assert (report["documents"], report["passages"], report["indexed"]) == (3, 9, 9)
    assert report["accepted"] == report["questions"] == 9
    assert report["dead"] == report["unchanged"] == report["retracted"] == 0
    rows = gristmill.rows()
    assert len(rows) == 9
    for row in rows:
        assert row["context"].startswith("The ")
        assert row["heading_path"][-1].startswith("The ")
    (hit, *_) = gristmill.json("search", "the keeper of the volcano", "-k", "3")
    assert set(hit) == {
        "score",
        "text",
        "source_uri",
        "title",
        "heading_path",
        "char_start",
        "char_end",
        "passage_id",
        "document_id",
    }
    assert "volcano" in hit["text"]


def test_a_second_run_costs_nothing(
    gristmill: Gristmill, documents: Path, endpoint: Endpoint
) -> None:
    first = gristmill.json("run", str(documents))
    asked = endpoint.answers
    second = gristmill.json("run", str(documents))
    assert endpoint.answers == asked
    assert second["unchanged"] == 3
    assert second["summaries"] == second["passages"] == 0
    assert second["dataset_version"] == first["dataset_version"]


def test_an_edit_costs_the_changed_passages_only(
    gristmill: Gristmill, documents: Path, endpoint: Endpoint
) -> None:
    gristmill.json("run", str(documents))
    before = {row["passage_id"] for row in gristmill.rows()}
    guide = documents / "guide-1.md"
    guide.write_text(guide.read_text().replace(paragraph(TOPICS[4], 1), paragraph("windmill", 77)))
    asked = endpoint.answers
    report = gristmill.json("run", str(documents))
    assert (report["passages"], report["summaries"], report["retracted"]) == (1, 1, 1)
    assert report["unchanged"] == 2
    assert endpoint.answers - asked == 2
    after = gristmill.rows()
    assert len(after) == 9
    assert len(before & {row["passage_id"] for row in after}) == 8
    assert not any(paragraph(TOPICS[4], 1) in row["context"] for row in after)
    hits = gristmill.json("search", f"number {TOPICS[4]}", "-k", "20")
    assert len(hits) == 9
    assert any("windmill" in hit["text"] for hit in hits)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_continues_to_the_same_result(
    gristmill: Gristmill, documents: Path, endpoint: Endpoint, tmp_path: Path, how: signal.Signals
) -> None:
    undisturbed = Gristmill(tmp_path / "undisturbed", endpoint)
    undisturbed.json("run", str(documents))
    endpoint.answers = 0
    endpoint.latency = 0.4
    process = gristmill.start("run", str(documents), "--json")
    end = time.monotonic() + 60
    while endpoint.answers < 5 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    endpoint.latency = 0
    report = gristmill.json("run", str(documents))
    assert report["dead"] == 0
    assert report["dataset_accepted"] == 9
    assert content(gristmill.rows()) == content(undisturbed.rows())
    assert len(gristmill.json("search", "archive reports", "-k", "100")) == 9


def test_a_removed_document_leaves_dataset_and_index(gristmill: Gristmill, documents: Path) -> None:
    gristmill.json("run", str(documents))
    gristmill("remove", str(documents / "guide-0.md"))
    gristmill.json("run", str(documents / "guide-1.md"))
    assert len(gristmill.rows()) == 6
    hits = gristmill.json("search", "lighthouse", "-k", "100")
    assert not any("guide-0" in hit["source_uri"] for hit in hits)


def test_what_was_published_before_is_part_of_the_next_run(
    gristmill: Gristmill, documents: Path
) -> None:
    published = gristmill.json("publish", str(documents / "guide-0.md"))
    assert published[0]["status"] == "in"
    report = gristmill.json("run", str(documents / "guide-1.md"))
    assert report["dataset_accepted"] == 6


def test_a_home_that_lost_its_broker_is_set_right_by_reconciling(
    gristmill: Gristmill, documents: Path
) -> None:
    """One document was edited meanwhile; what index and dataset hold of it is stale."""
    gristmill.json("run", str(documents))
    shutil.rmtree(gristmill.home / "broker")
    guide = documents / "guide-1.md"
    guide.write_text(guide.read_text().replace(paragraph(TOPICS[4], 1), paragraph("windmill", 77)))
    rows = gristmill.json("publish", "--reconcile", str(documents))
    assert [row["status"] for row in rows] == ["in"] * 3
    assert "under way" in gristmill("publish", "--reconcile", code=1).stderr
    report = gristmill.json("run", str(documents))
    assert (report["dataset_accepted"], report["unchanged"]) == (9, 0)
    contexts = [row["context"] for row in gristmill.rows()]
    assert len(set(contexts)) == len(contexts) == 9
    assert not any(paragraph(TOPICS[4], 1) in context for context in contexts)
    assert len(gristmill.json("search", "archive reports", "-k", "100")) == 9
    assert gristmill.json("publish", "--reconcile", str(documents))[0]["status"] == "unchanged"


def test_bad_documents_are_named_and_the_others_are_unharmed(
    gristmill: Gristmill, documents: Path
) -> None:
    (documents / "empty.md").write_text("")
    (documents / "picture.html").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (documents / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog")
    report = gristmill.json("run", str(documents), "no/such/file.md", code=3)
    assert report["dead"] == 4
    assert report["accepted"] == 9
    problems = " ".join(report["problems"])
    for name in ("empty.md", "picture.html", "cut.pdf", "no/such/file.md"):
        assert name in problems
    letters = gristmill.json("dead", "list")
    assert sorted(Path(letter["uri"]).name for letter in letters) == [
        "cut.pdf",
        "empty.md",
        "picture.html",
    ]
    shown = gristmill.json("dead", "show", letters[0]["id"])
    assert shown["error"] == letters[0]["error"]
    gristmill("dead", "discard", letters[0]["id"])
    assert len(gristmill.json("dead", "list")) == 2


def test_a_replayed_dead_letter_is_taken_up_again(gristmill: Gristmill, documents: Path) -> None:
    bad = documents / "guide-0.md"
    good = bad.read_text()
    bad.write_text("")
    gristmill.json("run", str(documents), code=3)
    bad.write_text(good)
    assert gristmill.json("run", str(documents))["passages"] == 3
    gristmill("dead", "replay")
    report = gristmill.json("run", str(documents))
    assert report["dataset_accepted"] == 9


def test_zero_results_are_no_success(
    gristmill: Gristmill, documents: Path, endpoint: Endpoint
) -> None:
    endpoint.garbage = True
    done = gristmill("run", str(documents), code=1)
    assert "Nothing came out" in done.stderr


@pytest.mark.parametrize("what", ["empty folder", "no such path"])
def test_no_documents_is_an_error_that_says_so(
    gristmill: Gristmill, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / what
    if what == "empty folder":
        folder.mkdir()
    done = gristmill("run", str(folder), code=1)
    assert what in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_answers_before_the_first_run(gristmill: Gristmill) -> None:
    for command in (
        *(["search", "x"], ["status"], ["dead", "list"], ["review"]),
        *(["dataset", "show"], ["dataset", "build"], ["dataset", "card"]),
    ):
        done = gristmill(*command, code=1)
        assert "gristmill run" in done.stderr
        assert "Traceback" not in done.stderr
    assert gristmill.json("dataset", "list") == []
    assert next(row["stream"] for row in gristmill.json("topology")) == "document.submitted"
    assert all(row["ok"] for row in gristmill.json("doctor"))
    assert len(gristmill.json("models")["models"]) == 3


def test_status_tells_where_every_document_is(gristmill: Gristmill, documents: Path) -> None:
    gristmill.json("run", str(documents))
    status = gristmill.json("status")
    assert len(status["documents"]) == 3
    for document in status["documents"]:
        assert document["open"] == 0
        assert document["passages"] == document["indexed"] == document["accepted"] == 3
    passages = gristmill.json("status", str(documents / "guide-0.md"))
    assert len(passages) == 3
    assert all(
        set(stages.values()) == {"summarized", "questioned", "indexed", "accepted"}
        for stages in passages.values()
    )


@pytest.mark.parametrize("name", ["bam", "openai", "alpaca", "sharegpt", "squad", "parquet"])
def test_a_dataset_can_be_exported(
    gristmill: Gristmill, documents: Path, tmp_path: Path, name: str
) -> None:
    gristmill.json("run", str(documents / "guide-0.md"))
    out = tmp_path / f"export-{name}"
    gristmill("dataset", "export", "--format", name, "-o", str(out))
    assert out.stat().st_size > 0
    if name == "bam":
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert all(set(line) == {"input", "output"} for line in lines)


def test_out_writes_the_dataset_to_a_folder(
    gristmill: Gristmill, documents: Path, tmp_path: Path
) -> None:
    gristmill.json("run", str(documents), "--out", str(tmp_path / "out"))
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "dataset.parquet",
        "dataset.jsonl",
        "README.md",
        "dataset-card",
    }


def test_a_version_has_a_card_and_its_rows_are_exported_by_status(
    gristmill: Gristmill, documents: Path, tmp_path: Path
) -> None:
    gristmill.json("run", str(documents))
    rows = gristmill.rows()
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    assert all(row["scores"]["own_passage_rank"] >= 1 for row in rows)
    assert all(row["scores"]["round_trip"] >= 0.9 for row in rows)
    card = gristmill("dataset", "card", "v1").stdout
    assert "# Gristmill dataset v1" in card
    assert (gristmill.home / "dataset" / "cards" / "v1" / "README.md").read_text() in card
    gristmill("dataset", "card", "-o", str(tmp_path / "card"))
    assert (tmp_path / "card" / "card" / "verdicts.svg").is_file()

    exam = tmp_path / "exam.jsonl"  # the three questions of a document share eight words in a row
    exam.write_text(json.dumps({"question": rows[0]["question"], "answer": "42"}) + "\n")
    assert gristmill.json("dataset", "build", "--decontaminate", str(exam)) == {
        "schema_version": 1,
        "request_id": ANY,
        "version": 2,
        "accepted": 6,
        "rejected": 3,
    }
    for status, count in (("accepted", 6), ("rejected", 3), ("all", 9)):
        file = tmp_path / "out" / f"{status}.jsonl"
        gristmill("dataset", "export", "--status", status, "-o", str(file))
        assert len(file.read_text().splitlines()) == count
    assert "compared with `exam.jsonl`" in (tmp_path / "out" / "README.md").read_text()
    assert "no file" in gristmill("dataset", "build", "--decontaminate", "x", code=1).stderr


def test_another_model_makes_the_examples_anew(gristmill: Gristmill, documents: Path) -> None:
    gristmill.json("run", str(documents))
    gristmill.environment["GRISTMILL_QUESTION_MODEL"] += "-2"
    report = gristmill.json("run", str(documents))
    assert (report["passages"], report["retracted"], report["unchanged"]) == (9, 9, 0)
    rows = gristmill.rows()
    assert len(rows) == 9
    assert all("stub-2" in row["generator"] for row in rows)


def test_a_stack_that_is_up_is_used_by_every_command(gristmill: Gristmill, documents: Path) -> None:
    process = gristmill.start("up", "--port", "0")
    try:
        end = time.monotonic() + 60
        runtime = gristmill.home / "runtime.json"
        while not runtime.exists() and time.monotonic() < end:
            time.sleep(0.05)
        published = gristmill.json("publish", str(documents / "guide-0.md"))
        assert published[0]["status"] == "in"
        client = redis.Redis.from_url(json.loads(runtime.read_text())["redis_url"])
        client.xadd(
            "{gristmill}:document.submitted",
            {"uri": "notes:windmill", "text": paragraph("windmill", 5)},
        )
        while time.monotonic() < end:
            states = gristmill.json("status")["documents"]
            if len(states) == 2 and not any(state["open"] for state in states):
                break
        assert gristmill.json("dataset", "build")["accepted"] == 4
        (hit, *_) = gristmill.json("search", "windmill")
        assert hit["source_uri"] == "notes:windmill"
        report = gristmill.json("run", str(documents))
        assert (report["unchanged"], report["dataset_accepted"]) == (1, 10)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert not runtime.exists() or process.returncode == 130
