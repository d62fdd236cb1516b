"""From passages to summaries."""

from __future__ import annotations

from services.summarizer.settings import SummarySettings
from services.summarizer.summarize import maker, summaries
from shared.generation.port import TextGenerator
from shared.messages import PassageExtracted, PassageSummarized


class Summarizer:
    """The summarizer's handler and what it needs."""

    def __init__(self, generator: TextGenerator, settings: SummarySettings) -> None:
        self.generator = generator
        self.settings = settings
        self.maker = maker(generator, settings)

    async def on_extracted(self, message: PassageExtracted) -> list[PassageSummarized]:
        """Summarise the passage, and parts of it where the settings ask for more."""
        summary, *others = await summaries(
            message.passage.text,
            self.generator,
            title=message.source.title,
            heading_path=message.passage.heading_path,
            settings=self.settings,
        )
        return [
            PassageSummarized(
                source=message.source,
                passage=message.passage,
                summary=summary,
                summary_maker=self.maker,
                others=others,
            )
        ]
