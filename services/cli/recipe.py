"""The fingerprint of how examples are made: another model or prompt makes them all anew."""

from __future__ import annotations

from services.question_generator.prompts import QUESTION, QUESTION_OF_ANSWER, QUESTION_TUNED
from services.question_generator.settings import QuestionSettings
from services.summarizer.prompts import SUMMARY
from services.summarizer.settings import SummarySettings
from shared import ids
from shared.embedding.settings import EmbeddingSettings
from shared.errors import ModelNotFound
from shared.generation.references import fingerprint_of, place_of
from shared.settings import Settings, section


def recipe_of(settings: Settings) -> str:
    """Return 16 hex digits that change with the models, the prompts or their settings."""
    return ids.fingerprint(
        *settings.models,
        *map(_weights, settings.models),
        SUMMARY.identity,
        *(prompt.identity for prompt in (QUESTION, QUESTION_OF_ANSWER, QUESTION_TUNED)),
        section("summarizer", SummarySettings).model_dump_json(),
        section("question_generator", QuestionSettings).model_dump_json(),
        section("embedding", EmbeddingSettings).model,
    )


def _weights(reference: str) -> str:
    """Return what tells a model from another in the same place, if that is on this machine.

    What an adapter is put on counts by the name it gives: a base that the first run downloads does
    not make another recipe of the second.
    """
    try:
        place = place_of(reference)
    except ModelNotFound:
        return ""
    return fingerprint_of(place) if place is not None else ""
