"""The extractor's settings."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, PositiveFloat, PositiveInt, model_validator

from services.extractor.fetch import FetchLimits
from services.extractor.limits import Limits

_LIMITS, _FETCH = Limits(), FetchLimits()


class ExtractorSettings(BaseModel):
    """How documents are fetched, read and cut.

    Attributes:
        min_words: a passage is not smaller, unless its section is.
        max_words: a passage is never larger.
        max_bytes: largest document, from a file or a URL.
        max_markup_bytes: largest HTML or Markdown document.
        max_unpacked_bytes: what a DOCX may hold once unpacked.
        max_pages: most pages of a PDF.
        fetch_seconds: for one URL, from the first name lookup to the last byte.
        max_redirects: followed for one URL.
        allow_private_urls: fetch from private and loopback addresses too.
    """

    min_words: PositiveInt = _LIMITS.min_words
    max_words: PositiveInt = _LIMITS.max_words
    max_bytes: PositiveInt = _LIMITS.max_bytes
    max_markup_bytes: PositiveInt = _LIMITS.max_markup_bytes
    max_unpacked_bytes: PositiveInt = _LIMITS.max_unpacked_bytes
    max_pages: PositiveInt = _LIMITS.max_pages
    fetch_seconds: PositiveFloat = _FETCH.seconds
    max_redirects: int = _FETCH.max_redirects
    allow_private_urls: bool = False

    @model_validator(mode="after")
    def _a_passage_fits(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError("min_words must be at most max_words")
        return self

    @property
    def limits(self) -> Limits:
        """The limits that `extract` takes."""
        return Limits(
            max_bytes=self.max_bytes,
            max_markup_bytes=self.max_markup_bytes,
            max_unpacked_bytes=self.max_unpacked_bytes,
            max_pages=self.max_pages,
            min_words=self.min_words,
            max_words=self.max_words,
        )

    @property
    def fetch_limits(self) -> FetchLimits:
        """The limits that `fetch` takes."""
        return FetchLimits(
            max_bytes=self.max_bytes,
            seconds=self.fetch_seconds,
            connect_seconds=min(_FETCH.connect_seconds, self.fetch_seconds),
            max_redirects=self.max_redirects,
        )
