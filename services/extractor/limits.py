"""How large a document may be, and how large its passages become."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes past which a document is refused, and the size of a passage.

    Attributes:
        max_bytes: largest file of any format.
        max_markup_bytes: largest HTML or Markdown file; parsing one costs many times its size.
        max_unpacked_bytes: what a DOCX may hold once unpacked.
        max_ratio: how many times larger than packed a DOCX of more than 10 MiB may unpack.
        max_pages: most pages of a PDF.
        min_words: a passage is not smaller, unless its section is.
        max_words: a passage is never larger.
    """

    max_bytes: int = 50_000_000
    max_markup_bytes: int = 20 * MIB
    max_unpacked_bytes: int = 200 * MIB
    max_ratio: int = 100
    max_pages: int = 3_000
    min_words: int = 60
    max_words: int = 220

    def __post_init__(self) -> None:
        """Refuse sizes that no passage can have."""
        if not 1 <= self.min_words <= self.max_words:
            raise ValueError("min_words must be at least 1 and at most max_words")
