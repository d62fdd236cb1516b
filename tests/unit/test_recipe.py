"""What makes the examples of an unchanged document anew."""

from pathlib import Path

from services.cli.recipe import recipe_of
from shared.settings import Settings


def test_a_model_trained_again_in_the_same_folder_is_another_recipe(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    settings = Settings(question_model=str(tmp_path))
    before = recipe_of(settings)
    assert recipe_of(settings) == before
    (tmp_path / "model.safetensors").write_text("[]")
    assert recipe_of(settings) != before


def test_an_adapter_whose_base_is_yet_to_be_downloaded_counts_already(tmp_path: Path) -> None:
    config = '{"base_model_name_or_path": "nobody/nothing-of-that-name"}'
    (tmp_path / "adapter_config.json").write_text(config)
    settings = Settings(question_model=str(tmp_path))
    before = recipe_of(settings)
    (tmp_path / "adapter_model.safetensors").write_text("{}")
    assert recipe_of(settings) != before


def test_models_that_are_elsewhere_have_a_recipe_too() -> None:
    away = ("nobody/nothing", "openai:http://127.0.0.1:1/v1#m", "pkg:no_such_package/model")
    recipes = {recipe_of(Settings(question_model=reference)) for reference in away}
    assert len(recipes) == 3
