from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.trainer.report import placing, sampling
from services.trainer.report.comparison import (
    NothingToCompare,
    RunsNotComparable,
    summarize,
    table,
    write_report,
)
from services.trainer.report.words import count, duration, size

HOSTILE = '<script>alert("x")</script>'
MACHINE = {
    "cpu": "Example CPU 3.1 GHz",
    "cores": 8,
    "memory_bytes": 32_000_000_000,
    "gpu": None,
    "torch": "2.8.0",
}
TOTAL = 134_515_008
# method: quality, trainable parameters, training seconds, peak memory, artifact, an answer
METHODS = {
    "untuned": (0.412, 0, 0.0, 1.1e9, 0, 0.21),
    "in-context": (0.553, 0, 0.0, 1.3e9, 3_412, 0.84),
    "hard-prompt": (0.495, 0, 312.0, 1.2e9, 1_204, 0.25),
    "soft-prompt": (0.401, 11_520, 810.0, 1.9e9, 48_211, 0.23),
    "feature-based": (0.47, 1_154, 41.0, 1.1e9, 6_100, 0.05),
    "output-layers": (0.66, 28_311_552, 402.0, 2.4e9, 113_300_000, 0.21),
    "full": (0.835, TOTAL, 3_750.0, 3.2e9, 269_060_000, 0.208),
    "lora": (0.828, 460_800, 750.0, 2.1e9, 1_856_000, 0.236),
}


def result(
    method: str,
    *,
    task: str = "question-answering",
    seed: int = 0,
    shift: float = 0.0,
    items: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """A result.json as a run writes it."""
    quality, trainable, seconds, memory, artifact, answer = METHODS[method]
    quality += shift
    qa = task == "question-answering"
    names = ("f1", "exact_match", "rouge_l", "similarity") if qa else ("accuracy", "macro_f1")
    scores = {name: quality - 0.03 * place for place, name in enumerate(names)}
    steps = range(0, 300, 5) if seconds else ()
    found = {
        "run": f"{method}-s{seed}",
        "method": method,
        "model": "smollm2-135m-instruct",
        "status": "completed",
        "error": "",
        "hint": "",
        "dataset": {
            "name": "v3" if qa else "reviews.tsv",
            "fingerprint": "ab12",
            "task": task,
            "train": 1200,
            "validation": 64,
            "test": 200,
        },
        "settings": {"learning_rate": 0.0002, "epochs": 3, "seed": seed},
        "seed": seed,
        "scores": scores | ({"nll": 2.5 - quality} if qa else {}),
        "trainable_parameters": trainable,
        "total_parameters": TOTAL,
        "train_seconds": seconds,
        "peak_memory_bytes": int(memory),
        "artifact_bytes": artifact,
        "seconds_per_answer": answer,
        "tokens_per_second": None,
        "curve": [[s, 0.9 + 2.0 * 0.985**s + 0.1 * np.sin(s)] for s in steps],
        "validation_curve": [[s, 1.0 + 1.8 * 0.985**s] for s in steps if s % 60 == 0],
        "examples": [
            {
                "question": f"What does part {number} of the machine do? {HOSTILE}",
                "context": f"Part {number} {HOSTILE} grinds. " * 20,
                "reference": "It grinds.",
                "answer": "It grinds" if quality > 0.6 else f"I do not know {HOSTILE}",
            }
            for number in range(10)
        ],
        "notes": [f"Scored in batches of 8. {HOSTILE}"],
        "machine": MACHINE,
        "artifact": f"runs/{method}/artifact",
        "started": "2025-11-24T10:00:00+00:00",
        "ended": "2025-11-24T11:30:00+00:00",
    }
    if items:
        draw = np.random.default_rng(7)
        found["item_scores"] = [float(score) for score in (draw.random(200) < quality)]
    return found | more


def failed(method: str, status: str = "failed", **more: Any) -> dict[str, Any]:
    error = f"The memory ran out {HOSTILE}." if status == "failed" else ""
    blank = dict.fromkeys(
        ("trainable_parameters", "train_seconds", "peak_memory_bytes", "artifact_bytes")
    )
    return (
        result(method)
        | {"status": status, "error": error, "scores": {}, "examples": [], "curve": []}
        | {"validation_curve": [], "item_scores": [], "seconds_per_answer": None}
        | blank
        | more
    )


def every(**more: Any) -> list[dict[str, Any]]:
    return [result(method, **more) for method in METHODS]


def entry(report: dict[str, Any], label: str) -> dict[str, Any]:
    return next(run for run in report["runs"] if run["label"] == label)


def said(report: dict[str, Any], part: str) -> str:
    found = [sentence for sentence in report["verdict"] if part in sentence]
    assert len(found) == 1, (part, report["verdict"])
    return found[0]


# report.json


def test_the_untuned_model_comes_first_then_the_best():
    report = summarize(every())
    assert [run["method"] for run in report["runs"][:4]] == [
        "untuned",
        "full",
        "lora",
        "output-layers",
    ]
    assert report["main_score"] == "f1"
    assert report["model"] == "smollm2-135m-instruct"
    assert report["dataset"]["name"] == "v3"
    assert report["machine"] == MACHINE
    full = entry(report, "full")
    assert full["scores"]["f1"] == pytest.approx(0.835)
    assert full["spread"] == {}
    assert full["seeds"] == [0]
    assert full["run_ids"] == ["full-s0"]
    assert full["change"] == pytest.approx(0.423)
    assert "error" not in full


def test_runs_that_differ_only_in_their_seed_become_one_entry():
    runs = [
        result("lora", seed=0, shift=-0.01, train_seconds=100.0, peak_memory_bytes=5),
        result("lora", seed=1, shift=0.03, train_seconds=200.0, peak_memory_bytes=9),
    ]
    lora = entry(summarize([*runs, result("untuned")]), "lora")
    assert lora["scores"]["f1"] == pytest.approx(0.838)
    assert lora["spread"]["f1"] == pytest.approx([0.818, 0.858])
    assert (lora["train_seconds"], lora["peak_memory_bytes"]) == (150, 9)
    assert lora["seeds"] == [0, 1]
    assert lora["settings"] == {"learning_rate": 0.0002, "epochs": 3}


def test_runs_with_other_settings_are_not_averaged():
    runs = [
        result("lora", settings={"rank": 4, "epochs": 3}),
        result("lora", settings={"rank": 16, "epochs": 3}, shift=0.05),
    ]
    report = summarize(runs)
    assert [run["label"] for run in report["runs"]] == ["lora (rank=16)", "lora (rank=4)"]
    assert "lora (rank=16) has the best F1" in report["verdict"][0]


def test_a_method_counts_as_completed_where_one_of_its_runs_did():
    lost = failed("lora", seed=2, settings={})
    lora = entry(summarize([result("lora"), lost]), "lora")
    assert lora["status"] == "completed"
    assert lora["scores"]["f1"] == pytest.approx(0.828)
    assert lora["seeds"] == [0]
    assert lora["run_ids"] == ["lora-s0", "lora-s0"]
    assert lora["notes"][-1].startswith("From 1 of 2 runs: seed 2 failed (The memory ran out")


def test_scores_that_are_no_numbers_are_left_out():
    report = summarize([result("lora", scores={"f1": float("nan"), "rouge_l": 0.5})])
    assert entry(report, "lora")["scores"] == {"rouge_l": 0.5}
    assert json.dumps(report, allow_nan=False)
    assert said(report, "is not ranked") == "lora completed without F1 and is not ranked."


def test_runs_on_other_items_are_refused():
    other = result("full") | {"dataset": result("full")["dataset"] | {"fingerprint": "cd"}}
    with pytest.raises(RunsNotComparable, match="lora-s0 and full-s0"):
        summarize([result("lora"), other])
    with pytest.raises(NothingToCompare):
        summarize([])


def test_a_run_on_another_machine_or_model_says_so():
    other = result("full", machine=MACHINE | {"cores": 64}, model="other-model")
    notes = entry(summarize([result("lora"), other]), "full")["notes"]
    assert "Run with another model: other-model." in notes
    assert "Run on another machine, so its times and memory do not compare." in notes


# The verdict


def test_the_verdict_says_which_method_to_pick_under_which_constraint():
    report = summarize(every())
    assert report["verdict"][0] == (
        "full has the best F1: 0.835 on 200 test items, against 0.412 for the untuned model."
    )
    assert said(report, "Without training") == (
        "Without training any weights, in-context is best: F1 0.553."
    )
    assert said(report, "at most 50 MB") == (
        "With an artifact of at most 50 MB, lora is best: F1 0.828 in 1.9 MB."
    )
    assert said(report, "answers fastest") == (
        "Of those within 0.02 of the best F1, full answers fastest: 0.21 s an answer."
    )
    assert said(report, "cheapest to train") == (
        "Of those within 0.02 of the best F1, lora is cheapest to train: 12 min 30 s of "
        "training, with F1 0.828 (full: 0.835, 1 h 2 min)."
    )


def test_a_best_method_far_ahead_is_called_alone():
    report = summarize([result("lora"), result("in-context"), result("untuned")])
    assert said(report, "comes within") == "No other method comes within 0.02 of the F1 of lora."
    assert said(report, "also best") == (
        "lora is also best with an artifact of at most 50 MB: its artifact takes 1.9 MB."
    )


def test_methods_of_equal_score_share_the_first_place():
    runs = [result("lora", scores={"f1": 0.7}), result("full", scores={"f1": 0.7})]
    assert (
        summarize(runs)["verdict"][0] == "lora and full share the best F1: 0.700 on 200 test items."
    )


def test_large_artifacts_only_are_said_to_be_so():
    report = summarize([result("full"), result("output-layers")])
    assert said(report, "at most 50 MB") == (
        "No method has an artifact of at most 50 MB; the smallest is that of output-layers: 113 MB."
    )


def test_what_needs_no_training_is_cheapest():
    report = summarize([result("lora"), result("in-context", shift=0.27)])
    assert said(report, "cheapest to train") == (
        "Of those within 0.02 of the best F1, in-context is cheapest to train: it needs no "
        "training, with F1 0.823 (lora: 0.828, 12 min 30 s)."
    )


def test_methods_that_did_not_beat_the_untuned_model_are_named_with_both_figures():
    report = summarize(every())
    assert said(report, "did not beat") == (
        "soft-prompt (0.401) did not beat the untuned model (0.412)."
    )
    assert said(report, "but by no more than") == (
        "hard-prompt (0.495) and feature-based (0.470) are above the untuned model (0.412), but by "
        "no more than the sampling error of 200 test items."
    )


def test_nothing_is_said_of_beating_where_the_untuned_model_is_missing():
    report = summarize([result("lora"), result("soft-prompt")])
    assert not [s for s in report["verdict"] if "untuned" in s or "beat" in s]


def test_an_unbeaten_untuned_model_is_said_to_be_best():
    report = summarize([result("untuned", shift=0.3), result("soft-prompt"), result("lora")])
    assert "lora has the best" in report["verdict"][0]
    report = summarize([result("untuned", shift=0.5), result("soft-prompt"), result("lora")])
    assert report["verdict"][0] == (
        "The untuned model has the best F1: 0.912 on 200 test items; no method beat it."
    )
    assert said(report, "did not beat") == (
        "lora (0.828) and soft-prompt (0.401) did not beat the untuned model (0.912)."
    )
    assert said(report, "trains no weights").startswith("The untuned model trains no weights")


def test_close_methods_cannot_be_told_apart_by_the_standard_error():
    report = summarize(every())
    assert said(report, "told apart") == (
        "full (0.835) and lora (0.828) cannot be told apart with 200 test items: the difference is "
        "0.007 (95% interval -0.066 to 0.080, from the binomial standard error)."
    )


def test_paired_items_tell_apart_what_the_standard_error_cannot():
    base = [float(number % 10 < 6) for number in range(200)]
    better = [1.0 if number % 50 == 6 else score for number, score in enumerate(base)]
    mean = sum(better) / 200
    runs = [
        result("lora", scores={"f1": mean}, item_scores=better),
        result("full", scores={"f1": sum(base) / 200}, item_scores=base),
    ]
    assert "lora leads full (0.600) by 0.020, more than" in said(
        summarize(runs), "paired bootstrap"
    )
    for run in runs:
        del run["item_scores"]
    assert "cannot be told apart" in said(summarize(runs), "binomial")


def test_the_bootstrap_is_fixed_and_matches_the_normal_interval():
    draw = np.random.default_rng(1)
    first, second = draw.random(400), draw.random(400)
    difference = sampling.paired(list(first), list(second))
    assert difference == sampling.paired(list(first), list(second))
    error = float(np.std(first - second) / 20)
    assert difference.low == pytest.approx(difference.mean - 1.96 * error, abs=0.3 * error)
    assert difference.high == pytest.approx(difference.mean + 1.96 * error, abs=0.3 * error)


def test_the_spread_between_seeds_is_told():
    runs = [result(m, seed=s, shift=0.02 * s) for m in ("lora", "full") for s in range(3)]
    report = summarize(runs)
    assert said(report, "Between seeds") == (
        "Between seeds, F1 ranges from 0.835 to 0.875 for full (3 seeds) and from 0.828 to 0.868 "
        "for lora (3 seeds)."
    )
    assert "The ranges of full and lora overlap." in report["verdict"]


def test_failed_and_cancelled_methods_are_named_with_their_reason():
    runs = [
        result("lora"),
        result("full"),
        failed("soft-prompt"),
        failed("in-context", "cancelled"),
    ]
    report = summarize(runs)
    assert report["verdict"][-2:] == [
        f"soft-prompt failed: The memory ran out {HOSTILE}.",
        "in-context was cancelled: no reason was given.",
    ]
    lost = entry(report, "soft-prompt")
    assert (lost["status"], lost["scores"]) == ("failed", {})
    assert lost["error"].startswith("The memory ran out")


def test_without_any_completed_run_there_is_nothing_to_compare():
    report = summarize([failed("lora", dataset={}, machine={}, settings={})])
    assert report["verdict"][0] == (
        "No method completed with a score, so there is nothing to compare."
    )


def test_one_completed_method_is_not_compared():
    report = summarize([result("lora")])
    assert report["verdict"] == ["Only lora completed with a score: F1 0.828 on 200 test items."]


def test_few_test_items_are_called_so():
    few = {"dataset": result("lora")["dataset"] | {"test": 10}}
    report = summarize([result("lora", **few), result("untuned", **few)])
    assert report["verdict"][-1] == (
        "With 10 test items, even large differences are hints, not findings."
    )


def test_labels_are_judged_by_accuracy():
    report = summarize(every(task="classification", items=True))
    assert report["main_score"] == "accuracy"
    assert "has the best accuracy: 0.8" in report["verdict"][0]


# The page


class Page(HTMLParser):
    """Collects tags, and ids that must be unique."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module", params=["question-answering", "classification"])
def written(request, tmp_path_factory) -> tuple[dict[str, Any], str]:
    task = request.param
    names = [name for name in METHODS if name not in ("lora", "hard-prompt")]
    runs = [result(name, task=task, items=True) for name in names]
    runs += [result("lora", task=task, seed=s, shift=0.01 * s, items=True) for s in range(3)]
    runs.append(failed("hard-prompt", dataset=runs[0]["dataset"] | {"fingerprint": ""}))
    json_path, html_path = write_report(runs, tmp_path_factory.mktemp("report") / "new")
    assert [path.name for path in sorted(html_path.parent.iterdir())] == [
        "report.html",
        "report.json",
    ]
    return json.loads(json_path.read_text("utf-8")), html_path.read_text("utf-8")


def test_no_text_from_data_becomes_markup(written):
    _, html = written
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in html


def test_a_hostile_name_is_escaped_in_table_and_figures(tmp_path):
    hostile = result("lora") | {"method": f"{HOSTILE}$\\frac{{1}}$"}
    curve = hostile["curve"]
    hostile["curve"] = [*curve, [None, 1], ["x"], [400, float("inf")], "y"]
    html = write_report([hostile, result("untuned")], tmp_path)[1].read_text("utf-8")
    assert "<script" not in html
    assert html.count("&lt;script") > 4


def test_the_page_needs_nothing_from_elsewhere(written):
    _, html = written
    page = Page(html)
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", html)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert "default-src 'none'" in html
    for _, attributes in page.tags:
        for name in ("href", "xlink:href", "src"):
            assert (attributes.get(name) or "#").startswith("#")


def test_the_page_can_be_read_by_machines(written):
    report, html = written
    page = Page(html)
    assert all(head.get("scope") for head in page.of("th"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.of("svg"))
    curves = sum(bool(run["train_seconds"]) for run in report["runs"])
    assert len(page.of("svg")) == curves + 2
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    uses = {use["xlink:href"] for use in page.of("use")}
    assert uses <= {f"#{name}" for name in ids}
    assert "#01020" not in html
    assert "currentColor" in html


def test_the_page_shows_verdict_table_answers_and_settings(written):
    report, html = written
    assert html.count('class="example"') == 10
    assert html.count("<details>") == 10
    assert html.count("as the reference") == 10 * 3
    assert html.index("Verdict") < html.index("All methods") < html.index("Settings and notes")
    assert 'class="best"' in html
    assert "smollm2-135m-instruct" in html
    assert "24 November 2025, 11:30 UTC" in html
    assert "learning_rate" in html
    assert len(report["verdict"]) > 5


# The terminal


def test_the_table_fits_a_terminal_and_aligns_its_figures():
    runs = [*every()[:-1], result("lora", settings={"target": "every linear layer " * 9})]
    runs += [result("lora"), failed("in-context") | {"method": "tf-idf"}]
    text = table(summarize(runs))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(lines[0].split()) == (
        "method F1 change trained training memory artifact an answer"
    )
    figures = [line for line in lines[1:] if not line.startswith("tf-idf")]
    assert all(len(before) == len(after) for before, after in pairwise(figures))
    assert "12 min 30 s" in text
    assert "0.46 M" in text
    assert "+0.141" in text
    assert re.match("tf-idf +failed: The memory ran out", lines[-1])


def test_a_result_cannot_steer_the_terminal():
    text = table(summarize([failed("lora", error="\x1b[2Jgone\r\n"), result("full")]))
    assert "\x1b" not in text
    assert "\r" not in text


# Figures


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0123, "12 ms"),
        (0.12, "0.12 s"),
        (4.21, "4.2 s"),
        (59.7, "1 min"),
        (750, "12 min 30 s"),
        (3599.9, "1 h"),
        (12_000, "3 h 20 min"),
        (86_390, "1 d"),
        (187_200, "2 d 4 h"),
        (None, "\u2013"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (850, "850 B"), (1_856_000, "1.9 MB"), (6.5e8, "650 MB"), (3.2e9, "3.2 GB")],
)
def test_sizes(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1_154, "1,154"),
        (46_080, "46.1 k"),
        (460_800, "0.46 M"),
        (TOTAL, "135 M"),
        (1.236e9, "1.24 B"),
    ],
)
def test_counts(number, text):
    assert count(number) == text


def test_names_in_a_plot_do_not_cover_each_other():
    points = [(100.0, 100.0), (104.0, 102.0), (102.0, 98.0), (190.0, 100.0)]
    texts = ["full", "lora", "soft-prompt", "feature-based"]
    within = placing.Box(0, 0, 220, 200)
    found = placing.places(points, texts, 10, within)
    boxes = [
        placing._box(x, y, text, 10, place)
        for (x, y), text, place in zip(points, texts, found, strict=True)
    ]
    for index, box in enumerate(boxes):
        assert box.shared(within) == pytest.approx(box.area)
        assert not any(box.shared(other) for other in boxes[index + 1 :])


def test_an_interrupted_write_leaves_the_old_report(tmp_path: Path, monkeypatch):
    _, page = write_report(every(), tmp_path)
    before = page.read_text("utf-8")

    def refuse(self, target):
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_report(every(shift=0.1), tmp_path)
    assert page.read_text("utf-8") == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "bare",
    [
        {"run": "lora-1", "method": "lora", "status": "failed"},
        {"run": "lora-1", "method": "lora", "status": "completed"},
        dict.fromkeys(result("lora")) | {"method": "lora", "status": "completed"},
    ],
)
def test_a_result_that_says_little_still_gives_a_report(bare, tmp_path):
    json_path, html_path = write_report([bare], tmp_path)
    report = json.loads(json_path.read_text("utf-8"))
    assert report["verdict"][0].startswith("No method completed with a score")
    assert "lora" in table(report)
    assert report["verdict"][1] in html_path.read_text("utf-8")
