"""What is in the image of each service, and what is not."""

import json

import docker
import pytest

from tests.e2e.pipeline import image_of

MEGABYTE = 1_000_000
WITH_MODELS = {"summarizer", "question-generator", "indexer", "trainer", "answerer"}
ALL = {"extractor", "curator", *WITH_MODELS}
WHO_HAS = {
    "torch": WITH_MODELS,
    "transformers": WITH_MODELS,
    "ctranslate2": WITH_MODELS - {"indexer"},
    "sentence_transformers": WITH_MODELS - {"summarizer"},
    "qdrant_client": {"indexer", "answerer"},
    "mammoth": {"extractor"},
    "deltalake": {"curator", "trainer"},
    "peft": WITH_MODELS - {"indexer"},
    "accelerate": WITH_MODELS - {"indexer"},  # peft needs it
    "pytest": set(),
    "pip": set(),
}
LOOK = f"""
import importlib.util, json, os
found = [name for name in {list(WHO_HAS)!r} if importlib.util.find_spec(name)]
print(json.dumps({{"user": os.getuid(), "found": found}}))
"""


@pytest.mark.parametrize("service", sorted(ALL))
def test_an_image_holds_what_its_service_needs_and_runs_as_nobody_special(
    engine: docker.DockerClient, service: str
) -> None:
    said = engine.containers.run(
        image_of(service), ["python3", "-c", LOOK], remove=True, read_only=True, network_mode="none"
    )
    assert isinstance(said, bytes)
    looked = json.loads(said)
    assert looked["user"] == 1000
    assert set(looked["found"]) == {name for name, having in WHO_HAS.items() if service in having}


def test_the_extractor_s_image_stays_small(engine: docker.DockerClient) -> None:
    assert engine.images.get(image_of("extractor")).attrs["Size"] < 400 * MEGABYTE


@pytest.mark.parametrize("service", sorted(ALL))
def test_docker_can_tell_whether_a_service_lives(engine: docker.DockerClient, service: str) -> None:
    config = engine.images.get(image_of(service)).attrs["Config"]
    assert "/livez" in " ".join(config["Healthcheck"]["Test"])


def test_services_with_models_share_the_layers_that_hold_them(engine: docker.DockerClient) -> None:
    layers = {s: set(engine.images.get(image_of(s)).attrs["RootFS"]["Layers"]) for s in ALL}
    shared = set.intersection(*(layers[service] for service in WITH_MODELS))
    assert len(shared - layers["extractor"]) == 2  # torch with transformers, and the weights
