"""What of a web page is its content: articles with all that sites put around and into them."""

import pytest

from services.extractor.extract import extract

FIRST = (
    "The miller of the upper valley has ground wheat for forty years, and her mill still runs on"
    " water from the brook that her grandfather dammed."
)
SECOND = (
    "Every spring she lifts the runner stone, turns it over and dresses its furrows with a steel"
    " pick, which takes three days and leaves her hands black."
)
THIRD = (
    "Bakers from the town come up the hill with their own sacks, because flour that was ground an"
    " hour ago smells of hay, and because she tells them stories."
)
OTHER = (
    "In other news the council of the town has met for the third time this month and has decided"
    " nothing about the bridge, the market or the lights of the harbour."
)
ARTICLE = f"<p>{FIRST}</p><p>{SECOND}</p><p>{THIRD}</p>"
TOLD = [FIRST, SECOND, THIRD]


def blocks(body, head="<title>The miller - The Valley Times</title>"):
    markup = f"<html><head>{head}</head><body>{body}</body></html>"
    text = extract(markup.encode(), uri="https://times.example/miller").text
    return [part for part in text.split("\n\n") if part != "The miller"]


def teasers(count, text=OTHER):
    item = f"<li><h3><a href='/other'>Council meets</a></h3><p>{text}</p></li>"
    return f"<div class='x1'><ul>{item * count}</ul></div>"


@pytest.mark.parametrize(
    "furniture",
    [
        f"<div class='newsletter-box'><h4>Our letter</h4><p>{OTHER}</p></div>",
        f"<div class='ArticleShareBar'><p>{OTHER}</p></div>",
        f"<section class='relatedStories'>{teasers(1)}</section>",
        f"<div id='cookie-banner' role='dialog'><p>{OTHER}</p></div>",
        f"<p class='byline'>{OTHER}</p>",
        f"<div style='display: none'><p>{OTHER}</p></div>",
        f"<aside><p>{OTHER}</p></aside>",
        f"<figure><img src='a.jpg'><figcaption>{OTHER}</figcaption></figure>",
        f"<div class='author-bio'><p>{OTHER}</p></div>",
        "<div><img src='a.jpg'><br><small>The mill in the valley in the year 1900</small></div>",
        "<p><img src='a.jpg'></p><p>The mill in the valley in the year 1900</p>",
        "<p><a href='/x'>Council of the town meets for the third time and decides nothing</a></p>",
        "<div><b>More</b> <a href='/x'>Council decides nothing</a> <a href='/y'>Bridge</a></div>",
        "<h3>Elsewhere</h3><ul><li><a href='/x'>Council</a></li><li><a href='/y'>Bridge</a></ul>",
        "<h3>More from the valley</h3><ul><li>The bridge, <a href='/x'>again</a></li></ul>",
        "<p>Sign up for our daily newsletter and never miss a story from the valley.</p>",
        "<p>Follow the Times on Facebook and Instagram.</p>",
        "<p>Related: <a href='/x'>The bridge</a></p>",
        "<p>\u00a9 2024 The Valley Times. All rights reserved.</p>",
        "<p>Photo: A. Miller</p>",
        "<p>* * *</p>",
    ],
)
def test_furniture_inside_an_article_is_left_out(furniture):
    body = f"<p>{FIRST}</p><p>{SECOND}</p>{furniture}<p>{THIRD}</p>"
    assert blocks(f"<h1>The miller</h1><div>{body}</div>") == TOLD


@pytest.mark.parametrize(
    "content",
    [
        "<p>Subscribe to the topic before you publish to it.</p>",
        "<p>Share this folder with the other millers.</p>",
        "<p>Loading grain takes an hour.</p>",
        "<p>See <a href='/gap'>the table of gaps</a> for other grains.</p>",
        "<h3 id='related' class='withStickyNavbar'>Related work</h3><p>Wind does it too.</p>",
        "<p>Copyright law says nothing about flour.</p>",
        "<p><a href='/w'>Winter wheat</a></p>",
        "<ul><li><a href='/w'>Wheat</a>, ground fine</li><li><a href='/r'>Rye</a>: coarse</ul>",
    ],
)
def test_what_only_looks_like_furniture_stays(content):
    body = f"<p>{FIRST}</p><p>{SECOND}</p>{content}<p>{THIRD}</p>"
    assert len(blocks(f"<h1>The miller</h1><div>{body}</div>")) > len(TOLD)


def test_an_article_cut_in_two_by_an_advertisement_comes_out_whole():
    halves = f"<div class='c1'><p>{FIRST}</p><p>{SECOND}</p></div><div class='ad'>Buy flour!</div>"
    halves += f"<div class='c1'><p>{THIRD}</p></div>"
    assert blocks(f"<h1>The miller</h1><div>{halves}</div>{teasers(1)}") == TOLD


def test_a_first_paragraph_outside_the_box_of_the_others_comes_out():
    body = f"<div><p>{FIRST}</p><div class='paywall'><p>{SECOND}</p><p>{THIRD}</p></div></div>"
    assert blocks(f"<header><h1>The miller</h1></header>{body}") == TOLD


@pytest.mark.parametrize("count", [1, 4, 12])
def test_the_article_under_the_headline_is_told_from_teasers_of_others(count):
    body = f"<div><div><h1>The miller</h1></div><div>{ARTICLE * 2}</div></div>"
    assert blocks(body + teasers(count)) == TOLD * 2


def test_an_introduction_beside_the_headline_is_not_taken_for_the_article():
    header = f"<div><h1>The miller</h1><p>{FIRST}</p></div>"
    assert blocks(f"<div>{header}<div><p>{SECOND}</p><p>{THIRD}</p></div></div>") == TOLD


def test_the_article_that_the_page_is_named_after_is_told_from_the_next_ones():
    others = f"<article><h1>The council</h1><p>{OTHER}</p><p>{OTHER} Again.</p></article>" * 3
    body = f"<article><h1>The miller</h1>{ARTICLE}</article>"
    assert blocks(f"<div>{body}{others}</div>") == TOLD


def test_what_the_page_itself_calls_its_content_is_taken_at_its_word():
    body = f"<div><div>{teasers(3)}</div><div itemprop='articleBody'>{ARTICLE * 2}</div></div>"
    assert OTHER not in blocks(body)


def test_comments_go_even_where_they_are_longer_than_the_article():
    comments = f"<div class='comments'>{f'<p>{OTHER}</p>' * 9}</div>"
    assert blocks(f"<div><h1>The miller</h1>{ARTICLE * 2}{comments}</div>") == TOLD * 2


def test_a_page_that_is_nothing_but_comments_is_a_thread_and_kept():
    posts = f"<div class='comment'><p>{FIRST}</p></div><div class='comment'><p>{SECOND}</p></div>"
    assert blocks(f"<h1>The miller</h1><div class='comments'>{posts}</div>") == TOLD[:2]


def test_a_page_inside_a_form_is_read():
    assert blocks(f"<form action='/'><h1>The miller</h1>{ARTICLE}<input name='q'></form>") == TOLD


def test_a_page_laid_out_in_a_table_is_read_without_its_menu_column():
    menu = "".join(f"<a href='/{n}'>Page {n}</a><br>" for n in range(9))
    row = f"<tr><td>{menu}</td><td><h1>The miller</h1>{ARTICLE}</td></tr>"
    assert blocks(f"<table>{row}</table>") == TOLD


def test_headlines_stand_above_the_content_wherever_the_page_has_them():
    sections = f"<p>{FIRST}</p><h2>Spring</h2><p>{SECOND}</p>"
    markup = f"<header><h1>The miller</h1></header><div>{sections}</div>"
    found = extract(markup.encode(), uri="https://times.example/a.html", media_type="text/html")
    assert found.title == "The miller"
    assert [passage.heading_path for passage in found.passages] == [
        ("The miller",),
        ("The miller", "Spring"),
    ]


def test_the_name_of_the_site_is_no_headline():
    head = "<title>Stones &amp; wheels - The mill book</title>"
    body = f"<div><h1>The mill book</h1></div><main><h1>Stones &amp; Wheels</h1>{ARTICLE}</main>"
    assert blocks(body, head)[0] == "Stones & Wheels"


def test_links_and_marks_of_footnotes_leave_no_trace():
    body = f"<p>{FIRST}<sup><a href='#n1'>[1]</a></sup></p><p>{SECOND}</p><p>{THIRD}</p>"
    notes = "<ol><li id='n1'>Her mother dammed it. <a href='#r1'>\u21a9</a></li></ol>"
    assert blocks(f"<div><h1>The miller</h1>{body}{notes}</div>") == [
        *TOLD,
        "1. Her mother dammed it.",
    ]
