"""Write the PDF and the DOCX among the sample documents.

    python infra/samples/make_samples.py [FOLDER]

The files are committed; run this after a change of the text below. The output does not depend on
the time or the machine.
"""

import io
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from fpdf import FPDF

FOLDER = Path(__file__).parents[2] / "services" / "local" / "samples"
WRITTEN = datetime(2025, 1, 1, tzinfo=UTC)

DATASETS = """\
# From documents to a dataset

## Cutting documents into passages

A question-answering dataset begins with passages. A passage should be long enough to make sense
alone and short enough to be about one thing: 60 to 220 words is a range that works well for
manuals and articles. Cuts belong at the borders that the author has drawn, which are headings and
paragraphs, and a table or a list should stay in one piece. A splitter that counts characters only
will sooner or later separate a number from its unit.

Every passage keeps its provenance: the address of the document, the headings above it, the page,
and the first and last character in the extracted text. With that span, anyone can open the source
and check what an answer rests on. Menus, advertisements and cookie notices have to go first, or
they turn into questions nobody would ask.

## Writing questions and answers

Once the passages exist, a language model writes the pairs. One proven order is to summarise the
passage first and then to ask for a question whose answer is the summary, since an answer grounded
in a summary rarely wanders off. The SQuAD dataset of 2016 took the human way: crowd workers wrote
107,785 questions on 536 Wikipedia articles, and each answer is a span of the paragraph.

Small models need help. With 135 million parameters, a plain instruction produced well-formed
questions for only 22 percent of the passages, while a prompt with two worked examples raised the
share to 97 percent. Writing several candidate questions and keeping the one closest to the
passage improved retrieval again.

## Throwing away bad examples

Generated data is only as good as what is thrown away. The first checks need no model: a question
has to end with a question mark, must not repeat its answer word for word, and must not appear
twice. Two questions that differ only in a year, such as 2019 and 2020, are different questions,
so a filter that strips digits does harm.

The second round uses a model as a reader. It answers the question from the passage alone, and an
example whose answer does not come back is set aside. Rejected rows are kept together with their
reasons, because a person who reviews fifty of them soon sees which rule is too strict. Finally
the data is split by document, so that no passage of a test document was seen in training.
"""

SERVICES = """\
# Services that exchange events

## Streams and consumer groups

In an event-driven system no service calls another. Each one reads messages from a stream, does
its part and writes new messages for whoever comes next. Redis has had streams since version 5.0,
released in 2018. A consumer group hands every message to exactly one of its members, so capacity
grows by starting another copy of the slow service, and nothing else has to change.

A message that was handed out stays on a pending list until its reader acknowledges it with the
command XACK. If the reader dies, another one can claim the message after a while. A group should
be created at the identifier 0, before anything is read: created at the end of the stream, it
never sees what was published earlier.

## Effectively once

A network can always lose the last acknowledgement, so a message may be delivered a second time.
Exactly-once delivery is therefore out of reach, but effects that happen once are not. The trick
is to make a repeated effect harmless: a vector is stored under an identifier derived from its
text, so storing it again overwrites the same entry.

Inside Redis a short Lua script does the rest. It checks that the worker still owns the message,
appends the outputs, records that the step is done and acknowledges the input, all in one atomic
step. In a test with 600 documents, 45 killed workers and 3 killed brokers, this recipe lost
nothing and doubled nothing, while the same system without it lost 303 of 392 messages.

## Measuring a tuned model

A tuned model is worth what it scores on questions it has never seen. All methods must therefore
be compared on the same split, with the untuned model in the table as a baseline. Overlap scores
such as BLEU, from 2002, and ROUGE, from 2004, are cheap, yet they barely predict whether
generated questions are useful: reported correlations lie between 0.1 and 0.4.

Better evidence comes from three sides. Exact match and token F1 compare short answers with a
reference. Retrieval rank tells whether a question leads back to its own passage among all others.
And a blind reading of fifty answers by a person finds what no score sees, such as a fluent
sentence that contradicts its source.
"""


def parse(source: str) -> tuple[str, dict[str, list[str]]]:
    """Return the title, and the paragraphs under each heading."""
    title, *paragraphs = source.strip().split("\n\n")
    sections: dict[str, list[str]] = {}
    for paragraph in paragraphs:
        if paragraph.startswith("## "):
            current = sections.setdefault(paragraph.removeprefix("## "), [])
        else:
            current.append(" ".join(paragraph.split()))
    return title.removeprefix("# "), sections


def pdf(title: str, sections: dict[str, list[str]]) -> bytes:
    document = _Page(format="A4")
    document.set_title(title)
    document.set_creation_date(WRITTEN)
    document.add_page()
    document.set_font("Times", "B", 20)
    document.multi_cell(0, 12, title, new_x="LMARGIN", new_y="NEXT")
    for heading, paragraphs in sections.items():
        document.ln(4)
        document.set_font("Times", "B", 14)
        document.multi_cell(0, 10, heading, new_x="LMARGIN", new_y="NEXT")
        document.set_font("Times", "", 13)
        for paragraph in paragraphs:
            document.multi_cell(0, 8, paragraph, new_x="LMARGIN", new_y="NEXT")
            document.ln(3)
    return bytes(document.output())


class _Page(FPDF):
    def header(self) -> None:
        self.set_font("Times", "I", 9)
        self.cell(0, 8, "The Millstone Notebook, working papers", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def footer(self) -> None:
        self.set_y(-18)
        self.set_font("Times", "", 9)
        self.cell(0, 8, f"Page {self.page_no()}", align="C")


def docx(title: str, sections: dict[str, list[str]]) -> bytes:
    document = Document()
    properties = document.core_properties
    properties.title, properties.author = title, "The Gristmill authors"
    properties.created = properties.modified = WRITTEN
    document.add_heading(title, 0)
    for heading, paragraphs in sections.items():
        document.add_heading(heading, 1)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
    written = io.BytesIO()
    document.save(written)
    return _without_times(written.getvalue())


def _without_times(body: bytes) -> bytes:
    """Give every file in the archive the same time, so that the same text gives the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(written, "w") as new:
        for entry in old.infolist():
            if "thumbnail" not in entry.filename:
                plain = zipfile.ZipInfo(entry.filename, WRITTEN.timetuple()[:6])
                new.writestr(plain, old.read(entry), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "datasets.pdf").write_bytes(pdf(*parse(DATASETS)))
    (folder / "services.docx").write_bytes(docx(*parse(SERVICES)))


if __name__ == "__main__":
    main()
