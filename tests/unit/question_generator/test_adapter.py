"""The adapter that is shipped: found by its reference, made for the default model, no pickle."""

import json
import struct

from shared.generation.references import locate
from shared.settings import PRESETS, SMOLLM2


def test_the_shipped_adapter_belongs_to_the_default_model():
    found = locate(PRESETS["tiny"][1])
    assert found.base == locate(SMOLLM2).path
    assert found.adapter == found.path
    assert {each.suffix for each in found.path.iterdir()} == {".json", ".safetensors", ".md"}
    with (found.path / "adapter_model.safetensors").open("rb") as file:
        header = json.loads(file.read(*struct.unpack("<Q", file.read(8))))
    tensors = [each for name, each in header.items() if name != "__metadata__"]
    assert {each["dtype"] for each in tensors} == {"BF16"}
    assert len(tensors) == 2 * 7 * 30  # A and B, seven linear layers, thirty blocks
