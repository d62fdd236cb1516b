"""The AsyncAPI document is current, and says what the services do."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.asyncapi import document
from shared.delivery.service import Service
from shared.delivery.settings import DeliverySettings
from shared.topology import SERVICES, STREAMS, Keys, read_by

FILE = Path(__file__).parents[3] / "infra" / "asyncapi.json"


def test_the_committed_document_is_current() -> None:
    assert json.loads(FILE.read_text()) == document(), "run `make asyncapi`"


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere() -> None:
    made = document()
    found = references(made)
    assert found
    for reference in found:
        target = made
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_says_of_a_service_is_what_its_broker_does(name: str) -> None:
    """Wired as the services are, with handlers that are never called."""

    async def handler(message: Any) -> list[Any]:
        return []

    service = Service(name, "redis://localhost", Keys(), DeliverySettings())
    for stream in read_by(name):
        service.handle(stream.message, handler)
    made = document()

    def streams(action: str) -> set[str]:
        return {
            operation["channel"]["$ref"].removeprefix("#/channels/")
            for operation in made["operations"].values()
            if operation["action"] == action and operation["tags"] == [{"name": name}]
        }

    prefix = Keys().stream("")
    broker = service.broker
    assert streams("receive") == {
        each.stream_sub.name.removeprefix(prefix) for each in broker.subscribers
    }
    assert streams("send") == {each.stream.name.removeprefix(prefix) for each in broker.publishers}


def test_an_address_is_the_key_with_its_braces() -> None:
    made = document()
    default = made["components"]["parameters"]["pipeline"]["default"]
    for stream in STREAMS:
        address = made["channels"][stream.name]["address"]
        assert address.replace("{pipeline}", default) == Keys().stream(stream.name)
        assert (f"{stream.name}.dead" in made["channels"]) == bool(stream.groups)
