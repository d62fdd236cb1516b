"""From summaries to questions that they answer."""

from __future__ import annotations

import asyncio

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
        """Ask a question for each summary of the passage."""
        answers = [message.summary, *message.others]
        return await asyncio.gather(
            *(
                self._asked(message, answer, ordinal, len(answers))
                for ordinal, answer in enumerate(answers)
            )
        )

    async def _asked(
        self, message: PassageSummarized, answer: str, ordinal: int, total: int
    ) -> QuestionGenerated:
        passage = message.passage.text
        question = await ask(
            passage,
            answer,
            self.generator,
            self.embedder,
            title=message.source.title,
            settings=self.settings,
        )
        reader = self.generator if self.settings.reader == "generator" else None
        (reading,) = await read([question], answer, passage, self.embedder, reader)
        return QuestionGenerated(
            source=message.source,
            passage=message.passage,
            summary=answer,
            summary_maker=message.summary_maker,
            question=question,
            question_maker=self.maker,
            ordinal=ordinal,
            total=total,
            scores=reading.scores,
            vector=reading.vector,
        )
