"""HTML to blocks, whichever format the HTML was made from."""

import pytest

from services.extractor.blocks import BlockKind
from services.extractor.formats.structure import TooDeep, blocks_of


def told(markup):
    return [(block.kind.value, block.text) for block in blocks_of(markup)]


def test_code_in_a_step_of_a_list_keeps_its_lines():
    markup = """<ol start="3"><li><p>Write the plan:</p><pre>gap = 3
  level = 4</pre></li><li>Start the mill.</li></ol><p>Wait.</p>"""
    assert told(markup) == [
        ("paragraph", "3. Write the plan:"),
        ("code", "gap = 3\n  level = 4"),
        ("paragraph", "4. Start the mill."),
        ("paragraph", "Wait."),
    ]


def test_lists_inside_lists_are_further_in_and_numbers_go_on():
    markup = """<ol start="7"><li>Lift it<ul><li>slowly<ol><li>by hand</li></ol></li></ul> once</li>
    <li><b>T</b>urn it</li></ol>"""
    lines = "7. Lift it once\n  - slowly\n    1. by hand\n8. Turn it"
    assert told(markup) == [("list", lines)]


def test_terms_and_what_they_mean_are_lines_of_a_list():
    markup = """<dl><div><dt>Runner</dt><dd>The stone<br>that turns.</dd></div>
    <div><dt>Hopper</dt><dd><p>A funnel.</p><p>It holds a sack.</p></dd></div></dl>"""
    lines = "Runner\n  The stone that turns.\nHopper\n  A funnel. It holds a sack."
    assert told(markup) == [("list", lines)]


def test_an_entry_of_a_reference_with_an_example_in_it_is_read_as_a_section():
    markup = "<dl><dt>grind(grain)</dt><dd><p>Grinds it.</p><pre>grind(rye)</pre></dd></dl>"
    assert told(markup) == [
        ("paragraph", "grind(grain)"),
        ("paragraph", "Grinds it."),
        ("code", "grind(rye)"),
    ]


def test_a_table_is_its_caption_and_its_rows_and_empty_cells_keep_their_place():
    markup = """<table><caption>Gaps</caption><thead><tr><th>Grain<th>Gap</thead>
    <tbody><tr><td><ul><li>Rye</li></ul><td>3<tr><td></td><td>4</table>"""
    assert told(markup) == [("table", "Gaps\nGrain | Gap\n- Rye | 3\n| 4")]


def test_code_in_a_cell_of_a_table_with_headings_stays_in_its_row():
    markup = "<table><tr><th>Does<th>By</tr><tr><td>Start<td><pre>mill start</pre></tr></table>"
    assert told(markup) == [("table", "Does | By\nStart | mill start")]


@pytest.mark.parametrize(
    "table",
    [
        "<table role='presentation'><tr><td><p>One.</p></td><td><p>Two.</p></td></tr></table>",
        "<table><tr><td><p>One.</p></td></tr><tr><td><p>Two.</p></td></tr></table>",
        "<table><tr><td><p>One.</p><p>Two.</p></td><td></td></tr></table>",
    ],
)
def test_a_table_that_only_arranges_the_page_is_no_table(table):
    assert told(table) == [("paragraph", "One."), ("paragraph", "Two.")]


def test_lines_of_code_marked_up_in_any_way_keep_their_breaks_and_indentation():
    markup = "<pre><code><span>def f():</span><br><span>\treturn <b>1</b></span>\n\n</code></pre>"
    assert told(markup) == [("code", "def f():\n    return 1")]


def test_words_are_parted_where_the_page_parts_them_and_nowhere_else():
    markup = "<h2>The<br>mill</h2><p><b>W</b>heat<br>and rye</p><div>One<div>two</div>three</div>"
    assert told(markup) == [
        ("heading", "The mill"),
        ("paragraph", "Wheat\nand rye"),
        ("paragraph", "One"),
        ("paragraph", "two"),
        ("paragraph", "three"),
    ]


def test_a_quote_with_a_list_in_it_is_read_as_what_it_holds():
    with_list = "<blockquote><p>Take:</p><ul><li>rye</li></ul></blockquote>"
    assert told(f"{with_list}<blockquote>So it is.</blockquote>") == [
        ("paragraph", "Take:"),
        ("list", "- rye"),
        ("quote", "So it is."),
    ]


def test_comments_and_nothing_at_all_give_no_blocks():
    assert blocks_of("<!-- a --><p></p>") == blocks_of("") == []


def test_what_the_parser_would_silently_leave_out_is_refused():
    with pytest.raises(TooDeep):
        blocks_of("<div>" * 300 + "the bottom")


def test_headings_know_their_level():
    found = blocks_of("<h1>A</h1><h3>B</h3>")
    assert [(b.kind, b.level) for b in found] == [(BlockKind.HEADING, 1), (BlockKind.HEADING, 3)]
