"""Documents whose passages are known before anything has read them: one a section, each named."""

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

NAME = re.compile(r"\bitem[0-9a-z]+\b")

_THINGS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbor", "island")
_PLACES = ("meadow", "orchard", "quarry", "ridge", "upland", "valley", "willow", "canyon")


@dataclass
class Document:
    """A Markdown file; `sections` are the names of its passages, in order."""

    path: Path
    sections: list[str] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return self.path.resolve().as_uri()

    def write(self) -> None:
        parts = "\n\n".join(f"## About {name}\n\n{paragraph(name)}" for name in self.sections)
        self.path.write_text(f"# {self.path.stem}\n\n{parts}\n")


def paragraph(name: str) -> str:
    """A paragraph of one passage's size, always the same for a name, which each sentence holds."""
    rng = random.Random(name)
    return " ".join(
        f"Line {number} of {name} says that the {rng.choice(_THINGS)} near the "
        f"{rng.choice(_PLACES)} was measured in {rng.randrange(9999)} and found to be smaller "
        f"than the {rng.choice(_THINGS)} on the other side."
        for number in range(4)
    )


def names_in(text: str) -> set[str]:
    return set(NAME.findall(text))


def make(folder: Path, count: int, sections: int, start: int = 0) -> list[Document]:
    """Write `count` documents of `sections` passages each."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = []
    for number in range(start, start + count):
        names = [f"item{number}s{section}v0" for section in range(sections)]
        document = Document(folder / f"document-{number:04d}.md", names)
        document.write()
        documents.append(document)
    return documents
