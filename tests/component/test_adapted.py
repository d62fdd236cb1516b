"""A PEFT adapter as the model of a service: its folder is the reference."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from shared.errors import ModelNotFound
from shared.generation import loading
from shared.generation.engines import open_generator
from shared.generation.port import GenerationRequest
from shared.generation.references import locate
from shared.generation.settings import GenerationSettings
from tests.component.test_seq2seq import PASSAGES, PROMPT
from tests.tiny import llama


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    """An adapter that changes what the tiny model beside it says; named as PEFT names the base."""
    root = tmp_path_factory.mktemp("adapted")
    base, folder = root / "base", root / "adapter"
    model, tokenizer = llama()
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    torch.manual_seed(1)
    config = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(folder)
    return folder


def test_an_adapter_is_merged_into_the_model_that_it_names(adapter):
    from peft import PeftModel

    plain = loading.load(locate(str(adapter.parent / "base"))).model
    merged = loading.load(locate(str(adapter))).model
    ids = torch.arange(12)[None]
    with torch.inference_mode():
        before = plain(ids).logits
        wanted = PeftModel.from_pretrained(plain, str(adapter)).eval()(ids).logits
        assert torch.allclose(merged(ids).logits, wanted, atol=1e-4)
    assert not torch.allclose(before, wanted, atol=1e-2)


@pytest.mark.parametrize("engine", ["ctranslate2", "transformers"])
async def test_both_engines_write_as_the_adapter_says(adapter, engine):
    said = {}
    for name in ("base", "adapter"):
        settings = GenerationSettings(
            engine=engine, cache_dir=adapter.parent / "cache", compute_type="float32", threads=1
        )
        generator = open_generator(str(adapter.parent / name), settings=settings)
        assert generator.tuned == (name == "adapter")
        said[name] = [await generator.generate(GenerationRequest(PROMPT, p)) for p in PASSAGES]
        await generator.aclose()
    assert said["base"] != said["adapter"]


def test_an_adapter_without_its_model_is_named(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "./gone"}')
    with pytest.raises(ModelNotFound, match=r"\./gone"):
        locate(str(tmp_path))
