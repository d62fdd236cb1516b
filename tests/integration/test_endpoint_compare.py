"""`gristmill compare` with a model behind an endpoint; the trainings themselves are real."""

import json
from pathlib import Path

import pytest

from tests.endpoint import Endpoint
from tests.integration.conftest import TOPICS, Gristmill, paragraph

pytestmark = [pytest.mark.connected, pytest.mark.timeout(1800)]

ENTRY = {
    "method",
    "scores",
    "trainable_parameters",
    "total_parameters",
    "train_seconds",
    "peak_memory_bytes",
    "artifact_bytes",
    "seconds_per_answer",
    "seeds",
    "status",
}


def compared(gristmill: Gristmill, *args: str) -> tuple[str, str]:
    process = gristmill.start("compare", *args)
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 3, f"exit {process.returncode}: {out}\n{err}"
    assert "Traceback" not in err
    return out, err


def test_methods_that_need_no_weights_are_compared_and_the_others_say_why_not(
    gristmill: Gristmill, endpoint: Endpoint, tmp_path: Path
) -> None:
    data = tmp_path / "questions.jsonl"
    with data.open("w") as file:
        for number, topic in enumerate(TOPICS):
            text = paragraph(topic, number)
            asked = f"Context: {text}\n\nQuestion: How high does the {topic} stand?"
            file.write(json.dumps({"input": asked, "output": text.split(". ")[1]}) + "\n")
    methods = "untuned,in-context:k=2,hard-prompt:candidates=3:rows=1,lora"
    model = f"openai:{endpoint.url}#stub"
    asked = ("--dataset", str(data), "--model", model, "--methods", methods)
    out, err = compared(gristmill, *asked, "--json", "--out", str(tmp_path / "out"))
    assert out == (tmp_path / "out" / "report.json").read_text()
    assert err == ""
    report = json.loads(out)
    assert {"dataset", "model", "machine", "runs"} <= set(report)
    assert report["model"] == model
    assert all(set(run) >= ENTRY for run in report["runs"])
    runs = {run["method"]: run for run in report["runs"]}
    lora = runs.pop("lora")
    assert lora["status"] == "failed"
    assert "lora needs the model's weights" in lora["error"]
    assert lora["scores"] == {}
    assert set(runs) == {"untuned", "in-context", "hard-prompt"}
    for run in runs.values():
        assert run["status"] == "completed"
        assert set(run["scores"]) == {"exact_match", "f1", "rouge_l", "similarity"}
        assert run["trainable_parameters"] == run["total_parameters"] == 0
    assert runs["untuned"]["scores"]["f1"] > 0.9  # the stub says a passage's second sentence
    assert any("lora failed: lora needs the model's weights" in s for s in report["verdict"])


def test_labels_are_compared_with_the_floor_that_needs_no_model(
    gristmill: Gristmill, endpoint: Endpoint, tmp_path: Path
) -> None:
    data = tmp_path / "reviews.tsv"
    words = {"good": "A good film about the", "bad": "A bad film about the"}
    lines = [f"{words[label]} {topic}.\t{label}" for topic in TOPICS for label in words]
    data.write_text("\n".join(lines) + "\n")
    model = f"openai:{endpoint.url}#stub"
    out, _ = compared(
        gristmill, "--dataset", str(data), "--model", model, "--methods", "untuned,tf-idf,full"
    )
    table, _, said = out.partition("\n\n")
    untuned, tf_idf, full = table.splitlines()[1:]
    assert untuned.split()[:2] == ["untuned", "1.000"]  # the stub says the text with its label
    assert tf_idf.split()[:2] == ["tf-idf", "1.000"]
    assert full.startswith("full     failed: full needs the model's weights")
    assert "full failed: full needs the model's weights" in said
