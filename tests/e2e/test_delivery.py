"""Documents published to the stream come out, whatever happens to the containers meanwhile."""

import pytest
import redis

from tests.e2e.conftest import StartPipeline
from tests.e2e.pipeline import Pipeline, guide, handled, is_ready, until

SECTIONS = 3
READ = {"summarizer": "passage.extracted", "question-generator": "passage.summarized"}


def assert_nothing_is_missing_or_doubled(pipeline: Pipeline, documents: int) -> None:
    """One row and one point for each passage, no dead letter, nothing left under way."""
    pipeline.finish(documents)
    passages = documents * SECTIONS
    rows = pipeline.rows()
    assert len(rows) == passages
    assert len({row["example_id"] for row in rows}) == passages
    assert len({row["passage_id"] for row in rows}) == passages
    points = pipeline.found("the keeper and the surveyor", k=2 * passages)
    assert len(points) == passages
    assert {point["passage_id"] for point in points} == {row["passage_id"] for row in rows}
    assert pipeline.made("dead") == 0


def in_the_middle(pipeline: Pipeline, service: str, made: str) -> bool:
    """Whether a service has finished some of its messages and has others in hand."""
    key, group = f"{{gristmill}}:{READ[service]}", service.replace("-", "_")
    return pipeline.made(made) >= 2 and pipeline.client.xpending(key, group)["pending"] > 0


def test_published_documents_come_out_as_rows_and_points(start_pipeline: StartPipeline) -> None:
    pipeline = start_pipeline()
    pipeline.submit(guide(1))  # before the first service was ever started
    pipeline.start_all()
    pipeline.submit(guide(2), guide(3))
    files = pipeline.home / "documents"
    files.mkdir()
    (files / "guide.md").write_text(guide(4))
    pipeline.gristmill("publish", str(files))
    assert_nothing_is_missing_or_doubled(pipeline, documents=4)
    assert "glacier" in pipeline.found("the keeper of the glacier", k=1)[0]["text"]
    exported = pipeline.home / "dataset.jsonl"
    pipeline.gristmill("dataset", "export", "--output", str(exported))
    assert len(exported.read_text().splitlines()) == 4 * SECTIONS


def test_two_replicas_share_the_work(start_pipeline: StartPipeline) -> None:
    pipeline = start_pipeline(latency=0.5, GRISTMILL_DELIVERY__CONCURRENCY="2")
    replicas = [pipeline.start_all()["summarizer"], pipeline.start("summarizer")]
    until("both listen", lambda: all(is_ready(r.get_wrapped_container()) for r in replicas))
    pipeline.submit(*map(guide, range(6)))
    assert_nothing_is_missing_or_doubled(pipeline, documents=6)
    shares = [handled(replica.get_wrapped_container()) for replica in replicas]
    assert sum(shares) == 6 * SECTIONS
    assert min(shares) > 0


def test_a_container_killed_in_the_middle_loses_nothing(start_pipeline: StartPipeline) -> None:
    pipeline = start_pipeline(
        latency=1.0, GRISTMILL_DELIVERY__CONCURRENCY="4", GRISTMILL_DELIVERY__LEASE_SECONDS="10"
    )
    services = pipeline.start_all()
    pipeline.submit(*map(guide, range(6)))
    for service, made in (("summarizer", "summarized"), ("question-generator", "questions")):
        until(f"the {service} is in the middle", lambda: in_the_middle(pipeline, service, made))  # noqa: B023 - called at once
        services[service].get_wrapped_container().kill()
        pipeline.start(service)
    assert_nothing_is_missing_or_doubled(pipeline, documents=6)


def test_a_redis_that_is_stopped_and_started_again_loses_nothing(
    start_pipeline: StartPipeline,
) -> None:
    pipeline = start_pipeline(
        latency=1.0, GRISTMILL_DELIVERY__CONCURRENCY="4", GRISTMILL_DELIVERY__LEASE_SECONDS="10"
    )
    pipeline.start_all()
    pipeline.submit(*map(guide, range(6)))
    until("some are under way", lambda: pipeline.made("summarized") >= 2)
    server = pipeline.redis.get_wrapped_container()
    server.stop()
    with pytest.raises(redis.ConnectionError):
        pipeline.client.ping()
    server.start()
    until("Redis answers", pipeline.client.ping)
    assert_nothing_is_missing_or_doubled(pipeline, documents=6)
