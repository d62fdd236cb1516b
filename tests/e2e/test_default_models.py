"""The default weights, which the images carry, write and embed in their containers."""

from tests.e2e.conftest import StartPipeline
from tests.e2e.pipeline import guide


def test_the_default_weights_make_a_question_that_its_passage_answers(
    start_pipeline: StartPipeline,
) -> None:
    pipeline = start_pipeline(latency=None)
    pipeline.start_all()
    pipeline.submit(guide(1, sections=2))
    pipeline.finish(1)
    (first, second) = sorted(pipeline.rows(), key=lambda row: row["char_start"])
    for row in (first, second):
        assert row["question"].endswith("?")
        assert row["answer"] in row["context"]  # by default, answers are the passage's sentences
        assert "SmolLM2" in row["generator"]
    assert first["question"] != second["question"]
    assert (
        pipeline.found("ice that moves down from the mountains", k=1)[0]["text"]
        == second["context"]
    )
    assert list((pipeline.home / "models").glob("smollm2*/model.bin"))
