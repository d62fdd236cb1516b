"""Settings: the environment before the file before the defaults."""

from pathlib import Path

import pytest

from services.extractor.settings import ExtractorSettings
from shared import settings
from shared.errors import ConfigurationInvalid


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_configuration() -> None:
    assert settings.load().home == Path(".gristmill")
    found = settings.section("extractor", ExtractorSettings)
    assert found.model_dump() == ExtractorSettings().model_dump()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gristmill.toml").write_text(
        'namespace = "file"\n[extractor]\nmax_words = 100\nmin_words = 10\n'
        "[delivery]\nconcurrency = 3\n"
    )
    monkeypatch.setenv("GRISTMILL_EXTRACTOR_MAX_WORDS", "150")
    monkeypatch.setenv("GRISTMILL_DELIVERY__LEASE_SECONDS", "7")
    loaded = settings.load()
    assert loaded.namespace == "file"
    assert (loaded.delivery.concurrency, loaded.delivery.lease_seconds) == (3, 7)
    own = settings.section("extractor", ExtractorSettings)
    assert (own.max_words, own.min_words) == (150, 10)


def test_a_value_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_EXTRACTOR_MAX_WORDS", "many")
    with pytest.raises(ConfigurationInvalid, match="max_words"):
        settings.section("extractor", ExtractorSettings)


def test_a_file_that_is_not_toml_is_named() -> None:
    Path("gristmill.toml").write_text("[[[")
    with pytest.raises(ConfigurationInvalid, match=r"gristmill\.toml"):
        settings.load()


def test_a_preset_names_both_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_PRESET", "t5")
    assert settings.load().models == settings.PRESETS["t5"]
    monkeypatch.setenv("GRISTMILL_QUESTION_MODEL", "openai:http://localhost:8000/v1#big")
    assert settings.load().models[1] == "openai:http://localhost:8000/v1#big"
