"""What the lines on the pages of a PDF become: text without what the printer added."""

import random

from services.extractor.blocks import BlockKind
from services.extractor.formats.pdf_heads import Line
from services.extractor.formats.pdf_layout import blocks_of

WIDTH = 60
WORDS = ["stone", "wheel", "grain", "flour", "miller", "hopper", "sluice", "river", "dam", "gear"]


def line(text, top, *, left=50.0, size=10.0):
    right = left + 5.0 * len(text)
    return Line(text=text, left=left, right=right, top=top, bottom=top + size, size=size)


def body(text, top=100.0):
    """Return the text set in lines of up to `WIDTH` characters, 12 points apart."""
    lines, words = [], text.split()
    while words:
        row = words.pop(0)
        while words and len(row) + len(words[0]) < WIDTH:
            row += f" {words.pop(0)}"
        lines.append(line(row, top + 12.0 * len(lines)))
    return lines


def prose(seed, sentences=8):
    drawn = random.Random(seed)
    return " ".join(
        " ".join(drawn.choices(WORDS, k=12)).capitalize() + "." for _ in range(sentences)
    )


def texts(*pages):
    return [block.text for block in blocks_of(pages)]


def pages_of(count):
    return [prose(seed) for seed in range(count)]


def test_a_running_head_that_stands_on_left_pages_only_goes():
    told = pages_of(6)
    pages = [body(text) for text in told]
    for number, page in enumerate(pages):
        page.insert(0, line("The Mill" if number % 2 else "Stones and Wheels", 40.0))
    assert texts(*pages) == told


def test_a_running_head_that_changes_with_every_page_goes_with_the_number_beside_it():
    told = pages_of(5)
    heads = ["Sluices", "Wheels", "Stones", "Hoppers", "Sacks"]
    pages = [
        [line(head, 40.0), line(str(number), 40.0, left=400.0), *body(text)]
        for number, (head, text) in enumerate(zip(heads, told, strict=True), start=17)
    ]
    assert texts(*pages) == told


def test_page_numbers_go_however_they_are_written():
    told = pages_of(4)
    pages = [
        [*body(text), line(number, 700.0)]
        for text, number in zip(told, ["xii", "- 13 -", "Page 14 of 90", "15"], strict=True)
    ]
    assert texts(*pages) == told


def test_the_numbers_of_a_table_at_the_foot_of_a_page_stay():
    row = [line("Wheat, coarse", 300.0), line("4", 300.0, left=300.0)]
    assert "4" in " ".join(texts(body(prose("gaps")) + row))


def test_rows_of_numbers_at_the_edge_of_pages_are_no_running_heads():
    rows = [f"{n * 7 % 90} {n * 31 % 80} {n * 5 % 70}" for n in range(1, 6)]
    pages = [[line(row, 40.0), *body(prose(row))] for row in rows]
    assert all(row in " ".join(texts(*pages)) for row in rows)


def test_numbered_steps_at_the_top_of_pages_are_no_running_heads():
    doings = ["Open the sluice", "Lift the runner", "Fill the hopper", "Lower the runner"]
    steps = [f"{number}. {doing}." for number, doing in enumerate(doings, start=1)]
    pages = [[line(step, 40.0), *body(prose(step))] for step in steps]
    assert [block.text for block in blocks_of(pages) if block.kind is BlockKind.LIST] == steps


def test_footnotes_do_not_stand_in_the_middle_of_the_sentence_that_runs_on():
    first = [
        *body("The runner turns above the bed stone, as long as"),
        *_note("1 Or basalt.", 600.0),
    ]
    second = body("there is grain in the hopper. Then it is lifted.")
    told = "The runner turns above the bed stone, as long as there is grain in the hopper. Then"
    assert texts(first, second) == [f"{told} it is lifted.", "1 Or basalt."]


def test_two_footnotes_are_two_paragraphs_and_a_long_one_is_one():
    notes = [*_note("1 Or of basalt, which is", 600.0), *_note("harder.", 610.0)]
    notes += _note("2 Or of lava.", 620.0)
    assert texts([*body(prose("stones")), *notes])[1:] == [
        "1 Or of basalt, which is harder.",
        "2 Or of lava.",
    ]


def test_words_parted_at_a_line_end_are_one_and_names_and_ranges_keep_their_hyphen():
    lines = ["The mill-", "er of the Anglo-", "Saxon mill ground 10-", "12 sacks of FLO-"]
    lines += ["UR by hand, as coarse flour."]
    page = [line(text, 100.0 + 12.0 * place) for place, text in enumerate(lines)]
    told = (
        "The miller of the Anglo-Saxon mill ground 10-12 sacks of FLOUR by hand, as coarse flour."
    )
    assert texts(page) == [told]


def _note(text, top):
    return [line(text, top, size=8.0)]
