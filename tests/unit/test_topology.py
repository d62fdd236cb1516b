"""The table of the flow, and what is derived from it."""

import ast
from pathlib import Path

import pytest

from services.local.apps import built_services
from shared.delivery.service import Service
from shared.delivery.settings import DeliverySettings
from shared.messages import Message
from shared.topology import SERVICES, STREAMS, Keys, read_by, row_of, stream_of, written_by

ROOT = Path(__file__).parents[2]
READERS = [name for name in built_services() if name in SERVICES]


def subclasses(kind: type[Message]) -> set[type[Message]]:
    return {each for child in kind.__subclasses__() for each in ({child} | subclasses(child))}


@pytest.mark.parametrize("name", READERS)
def test_an_app_opens_with_its_row_of_the_table(name: str) -> None:
    source = (ROOT / "services" / name / "app.py").read_text()
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring is not None
    assert docstring.splitlines()[0] == f"{row_of(name)}."


@pytest.mark.parametrize("name", READERS)
def test_every_service_has_the_same_anatomy(name: str) -> None:
    files = {path.name for path in (ROOT / "services" / name).iterdir()}
    assert {"app.py", "handlers.py", "settings.py"} <= files


def test_every_message_has_one_stream() -> None:
    carried = [stream.message for stream in STREAMS]
    assert len(carried) == len(set(carried))
    leaves = {kind for kind in subclasses(Message) if not kind.__subclasses__()}
    assert set(carried) == leaves
    assert all(stream_of(stream.message) is stream for stream in STREAMS)


def test_every_stream_with_readers_is_named_by_what_happened() -> None:
    for stream in STREAMS:
        noun, verb = stream.name.split(".")
        assert noun
        assert verb.endswith(("ed", "built"))
        assert stream.message.__name__.lower() == noun + verb


def test_readers_and_writers_are_the_same_table_read_two_ways() -> None:
    for service in SERVICES:
        assert all(service in stream.groups for stream in read_by(service))
        assert all(service in stream.writers for stream in written_by(service))


def test_all_keys_of_a_pipeline_share_one_cluster_slot() -> None:
    keys = Keys("mine")
    made = [
        keys.stream("a.b"),
        keys.dead("a.b"),
        keys.ledger("x"),
        keys.documents,
        keys.published("t"),
    ]
    assert all(key.startswith("{mine}:") for key in made)
    assert len(set(made)) == len(made)


def test_the_readme_shows_every_stream_that_somebody_acts_on() -> None:
    readme = (ROOT / "README.md").read_text()
    for stream in STREAMS:
        if set(stream.groups) & set(built_services()):
            assert stream.name in readme


def test_a_service_publishes_only_what_the_table_says() -> None:
    service = Service("summarizer", "redis://localhost", Keys(), DeliverySettings())
    published = {publisher.stream.name for publisher in service.broker.publishers}
    assert published == {Keys().stream(stream.name) for stream in written_by("summarizer")}
