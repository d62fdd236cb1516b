"""`gristmill review` in a terminal, and what builds make of its verdicts."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Gristmill
from tests.terminal import Terminal
from tests.terminal import gristmill as command

pytestmark = pytest.mark.connected
CLEAR = "\x15"  # Ctrl-U: what stands left of the cursor
Review = Callable[..., Terminal]


@pytest.fixture
def review(gristmill: Gristmill, documents: Path) -> Iterator[Review]:
    """Starts the command on a version of nine rows."""
    gristmill.json("run", str(documents))
    started = []

    def start(*args: str, columns: int = 120) -> Terminal:
        started.append(Terminal(command("review", *args), gristmill.environment, columns))
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def test_verdicts_are_given_by_keys_and_outlive_builds_and_runs(
    gristmill: Gristmill, documents: Path, review: Review
) -> None:
    before = gristmill.rows()
    terminal = review()
    shown = terminal.see("1/9")
    assert "What is known of" in shown
    assert "The lighthouse number 0" in shown
    terminal.press("a")
    terminal.see("2/9")
    terminal.press("x")  # no key of ours: nothing happens
    terminal.see("2/9")
    terminal.press("e")
    terminal.see("question: ")
    terminal.press(f"{CLEAR}How high does the glacier stand?\r")
    terminal.see("answer: ")
    terminal.press(f"{CLEAR}12 metres above the valley.\r")
    terminal.see("3/9")
    terminal.press("r")
    terminal.see("4/9")
    terminal.press("s")
    terminal.see("5/9")
    terminal.press("q")
    terminal.see("3 verdicts: 1 accepted, 1 edited, 1 rejected.")
    assert terminal.end() == 0

    def check(rows: list[dict]) -> None:
        assert [row["scores"].get("human") for row in rows[:5]] == [1, 1, 1, None, None]
        assert rows[0]["question"] == before[0]["question"]
        assert rows[1]["question"] == "How high does the glacier stand?"
        assert rows[1]["answer"] == "12 metres above the valley."
        assert (rows[2]["status"], rows[2]["reasons"][-1]) == ("rejected", "reviewer")

    assert gristmill.json("dataset", "build")["version"] == 2
    check(gristmill.rows())
    gristmill.environment["GRISTMILL_QUESTION_MODEL"] += "-2"
    gristmill.json("run", str(documents))
    check(gristmill.rows())

    terminal = review()
    assert "What is known of" in terminal.see("1/6")
    terminal.press("q")
    assert terminal.end() == 0


def test_a_verdict_can_be_taken_back_and_an_edit_broken_off(
    gristmill: Gristmill, review: Review
) -> None:
    terminal = review(columns=80)
    terminal.see("1/9")
    terminal.press("r")
    terminal.see("2/9")
    terminal.press("e")
    terminal.see("question: ")
    terminal.see("?")  # the question as it stands: only now is there an edit to break off
    terminal.press("\x03")
    terminal.see("2/9")
    terminal.press("b")
    assert "your verdict: reject" in terminal.see("1/9")
    terminal.press("a")
    terminal.see("2/9")
    terminal.press("q")
    terminal.see("1 verdicts: 1 accepted, 0 edited, 0 rejected.")
    assert terminal.end() == 0
    gristmill.json("dataset", "build")
    assert [row["scores"].get("human") for row in gristmill.rows()][:2] == [1, None]
    assert gristmill.rows()[0]["status"] == "accepted"


def test_a_verdict_survives_a_kill(gristmill: Gristmill, review: Review) -> None:
    terminal = review()
    terminal.see("1/9")
    terminal.press("r")
    terminal.see("2/9")
    terminal.process.send_signal(signal.SIGKILL)
    terminal.end()
    gristmill.json("dataset", "build")
    assert gristmill.rows()[0]["reasons"] == ["reviewer"]


def test_rows_are_judged_elsewhere_in_a_file(
    gristmill: Gristmill, documents: Path, tmp_path: Path
) -> None:
    gristmill.json("run", str(documents))
    file = tmp_path / "rows.jsonl"
    gristmill("review", "--export", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 9
    assert all(line["verdict"] == "" for line in lines)
    lines[0]["verdict"] = "reject"
    lines[1] |= {"verdict": "edit", "new_answer": "Another."}
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "2 verdicts" in gristmill("review", "--import", str(file)).stdout
    gristmill.json("dataset", "build")
    first, second, *_ = gristmill.rows()
    assert first["reasons"] == ["reviewer"]
    assert second["answer"] == "Another."
    assert second["question"] == lines[1]["question"]
    gristmill("review", "v1", "--export", str(file))
    assert [json.loads(line)["verdict"] for line in file.read_text().splitlines()][:3] == [
        "reject",
        "edit",
        "",
    ]

    lines[2]["verdict"] = "maybe"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = gristmill("review", "--import", str(file), code=1)
    assert "Line 3" in done.stderr
    assert "accept, edit, reject" in done.stderr


def test_without_a_terminal_review_says_what_to_do(gristmill: Gristmill, documents: Path) -> None:
    gristmill.json("run", str(documents))
    assert "--export" in gristmill("review", code=1).stderr
    assert "v1 to" not in gristmill("review", "v9", code=1).stdout
    assert "no dataset version" in gristmill("review", "newest", code=1).stderr
