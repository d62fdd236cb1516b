"""From summaries to questions that they answer."""

from __future__ import annotations

from services.question_generator.ask import ask, maker
from services.question_generator.reading import read
from services.question_generator.settings import QuestionSettings
from shared.embedding.port import Embedder
from shared.generation.port import TextGenerator
from shared.messages import PassageSummarized, QuestionGenerated


class QuestionGenerator:
    """The question generator's handler and what it needs."""

    def __init__(
        self, generator: TextGenerator, embedder: Embedder, settings: QuestionSettings
    ) -> None:
        self.generator = generator
        self.embedder = embedder
        self.settings = settings
        self.maker = maker(generator, embedder, settings)

    async def on_summarized(self, message: PassageSummarized) -> list[QuestionGenerated]:
        """Ask one or more questions of the passage."""
        questions = await ask(
            message.passage.text,
            message.summary,
            self.generator,
            self.embedder,
            title=message.source.title,
            settings=self.settings,
        )
        reader = self.generator if self.settings.reader == "generator" else None
        readings = await read(
            questions, message.summary, message.passage.text, self.embedder, reader
        )
        return [
            QuestionGenerated(
                source=message.source,
                passage=message.passage,
                summary=message.summary,
                summary_maker=message.summary_maker,
                question=question,
                question_maker=self.maker,
                ordinal=ordinal,
                total=len(questions),
                scores=reading.scores,
                vector=reading.vector,
            )
            for ordinal, (question, reading) in enumerate(zip(questions, readings, strict=True))
        ]
