"""Pages as the makers of manuals and wikis lay them out: the text alone comes out."""

from services.extractor.extract import extract

MENU = (
    "<ul><li><a href='/install'>Installing the mill on a river</a></li>"
    "<li><a href='/stones'>Dressing the stones by hand</a></li>"
    "<li><a href='/feed'>Feeding grain into the hopper</a></li></ul>"
)
LEAD = "The runner stone turns above the bed stone and never touches it while there is grain."


def text_of(markup, uri="https://mill.example/docs/page"):
    extraction = extract(markup.encode(), uri=uri)
    for passage in extraction.passages:
        assert extraction.text[passage.char_start : passage.char_end] == passage.text
    return extraction.text.split("\n\n")


def test_a_page_as_sphinx_lays_it_out():
    markup = f"""<!DOCTYPE html><html><head>
    <title>Dressing the stones &mdash; Mill 2.1</title></head>
    <body class="wy-body-for-nav"><div class="wy-grid-for-nav">
    <nav data-toggle="wy-nav-shift" class="wy-nav-side"><div class="wy-menu">{MENU}</div></nav>
    <section data-toggle="wy-nav-shift" class="wy-nav-content-wrap"><div class="wy-nav-content">
    <div role="navigation" aria-label="Page navigation"><ul class="wy-breadcrumbs">
      <li><a href="index.html">Docs</a></li><li>Dressing the stones</li>
      <li class="wy-breadcrumbs-aside"><a href="_sources/x.txt">View page source</a></li></ul></div>
    <div role="main" class="document"><div itemprop="articleBody">
    <section id="dressing-the-stones">
    <h1>Dressing the stones<a class="headerlink" href="#dressing-the-stones">&para;</a></h1>
    <nav class="contents local"><ul><li><a href="#comments">Comments</a></li></ul></nav>
    <p>{LEAD} <a class="footnote-reference brackets" href="#id2" id="id1"><span
      class="fn-bracket">[</span>1<span class="fn-bracket">]</span></a></p>
    <div class="admonition warning"><p class="admonition-title">Warning</p>
      <p>Lift the runner before you work on it.</p></div>
    <section id="comments">
    <h2>Comments<a class="headerlink" href="#comments" title="Link">&para;</a></h2>
    <p>Comments in a plan of the furrows begin with a hash sign and end with the line.</p>
    <div class="literal-block-wrapper"><div class="code-block-caption"><span
      class="caption-text">plan.py</span><a class="headerlink" href="#id3">&para;</a></div>
    <div class="highlight"><pre><span></span><span class="linenos">1</span><span
      class="c1"># ten quarters</span>
<span class="linenos">2</span><span class="n">quarters</span> <span class="o">=</span> <span
      class="mi">10</span>
</pre></div></div></section>
    <section id="functions">
    <h2>Functions<a class="headerlink" href="#functions">&para;</a></h2>
    <dl class="py function"><dt class="sig" id="mill.grind"><span class="descname">grind</span>(<em
      class="sig-param">grain</em>)<a class="headerlink" href="#mill.grind">&para;</a></dt>
      <dd><p>Grind what is in the hopper.</p><dl class="field-list"><dt>Returns</dt>
      <dd><p>the flour</p></dd></dl></dd></dl>
    <table class="docutils"><caption><span class="caption-text">Gap by grain</span><a
      class="headerlink" href="#id4">&para;</a></caption>
    <thead><tr><th>Grain</th><th>Gap</th></tr></thead>
    <tbody><tr><td><p>Wheat</p></td><td><p>0.3 mm</p></td></tr></tbody></table></section>
    <aside class="footnote-list brackets"><aside class="footnote brackets" id="id2"><span
      class="label"><span class="fn-bracket">[</span><a href="#id1">1</a><span
      class="fn-bracket">]</span></span><p>Stones of basalt excepted.</p></aside></aside>
    </section></div></div>
    <footer><div class="rst-footer-buttons" role="navigation">
      <a class="btn btn-neutral float-left" href="install.html" rel="prev">Previous</a>
      <a class="btn btn-neutral float-right" href="feed.html" rel="next">Next</a></div>
      <p>&copy; Copyright 2024, the millers. Built with love and a theme.</p></footer>
    </div></section></div></body></html>"""
    assert text_of(markup) == [
        "Dressing the stones",
        LEAD,
        "Warning",
        "Lift the runner before you work on it.",
        "Comments",
        "Comments in a plan of the furrows begin with a hash sign and end with the line.",
        "plan.py",
        "# ten quarters\nquarters = 10",
        "Functions",
        "grind(grain)\n  Grind what is in the hopper.\n  Returns\n    the flour",
        "Gap by grain\nGrain | Gap\nWheat | 0.3 mm",
        "Stones of basalt excepted.",
    ]


def test_a_page_as_mkdocs_lays_it_out():
    markup = f"""<!doctype html><html><head><title>Share a mill - Mill docs</title></head><body>
    <header class="md-header"><nav class="md-header__inner"><a href=".">Mill docs</a></nav></header>
    <div class="md-container"><main class="md-main"><div class="md-main__inner md-grid">
    <div class="md-sidebar md-sidebar--primary"><nav class="md-nav">{MENU}</nav></div>
    <div class="md-sidebar md-sidebar--secondary"><nav class="md-nav md-nav--secondary">
      <label class="md-nav__title">Table of contents</label>{MENU}</nav></div>
    <div class="md-content"><article class="md-content__inner md-typeset">
    <a href="/edit" title="Edit this page" class="md-content__button md-icon"></a>
    <h1 id="share-a-mill">Share a mill<a class="headerlink" href="#share-a-mill">&para;</a></h1>
    <p>{LEAD}<sup id="fnref:1"><a class="footnote-ref" href="#fn:1">1</a></sup></p>
    <ol><li>Open the sluice.</li><li><p>Start the stones:</p>
      <div class="highlight"><table class="highlighttable"><tr><td class="linenos"><div
        class="linenodiv"><pre><span></span>1
2</pre></div></td><td class="code"><div><pre><code>mill start
mill wait</code></pre></div></td></tr></table></div>
      <p>They take a minute.</p></li></ol>
    <h2 id="tags">Tags<a class="headerlink" href="#tags">&para;</a></h2>
    <details class="note" open><summary>Why tags?</summary>
      <p>Two millers share one hopper.</p></details>
    <dl><dt>Sack tag</dt><dd>Says whose grain it is.</dd>
      <dt>Bin tag</dt><dd>Says whose flour.</dd></dl>
    <div class="footnote"><hr><ol><li id="fn:1"><p>Except at the start.&#160;<a
      class="footnote-backref" href="#fnref:1">&#8617;</a></p></li></ol></div>
    <aside class="md-source-file"><span class="md-source-file__fact">March 1, 2024</span></aside>
    <form class="md-feedback"><legend>Was this page helpful?</legend></form>
    </article></div></div></main>
    <footer class="md-footer"><nav class="md-footer__inner"><a href="../feed" class="md-footer__link
      md-footer__link--next"><span>Next</span> Feeding grain into the hopper</a></nav></footer>
    </div></body></html>"""
    assert text_of(markup) == [
        "Share a mill",
        LEAD,
        "1. Open the sluice.",
        "2. Start the stones:",
        "mill start\nmill wait",
        "They take a minute.",
        "Tags",
        "Why tags?",
        "Two millers share one hopper.",
        "Sack tag\n  Says whose grain it is.\nBin tag\n  Says whose flour.",
        "1. Except at the start.",
    ]


def test_a_page_as_docusaurus_lays_it_out():
    markup = f"""<!doctype html><html><head><title>Feeding | Mill</title></head><body>
    <nav aria-label="Main" class="navbar navbar--fixed-top">{MENU}</nav>
    <div class="main-wrapper"><div class="docsWrapper_BCFX"><div class="docRoot_UBD9">
    <aside class="theme-doc-sidebar-container">{MENU}</aside>
    <main class="docMainContainer_TBSr"><div class="container padding-top--md"><div class="row">
    <div class="col docItemCol_VOVn"><div class="docItemContainer_Djhp"><article>
    <nav class="theme-doc-breadcrumbs" aria-label="Breadcrumbs">{MENU}</nav>
    <div class="tocCollapsible_ETCw theme-doc-toc-mobile"><button>On this page</button></div>
    <div class="theme-doc-markdown markdown"><header><h1>Feeding</h1></header>
    <p>{LEAD}</p>
    <h2 class="anchor anchorWithStickyNavbar_LWe7" id="related-tools">Related tools<a
      href="#related-tools" class="hash-link" aria-label="Direct link">&#8203;</a></h2>
    <div class="theme-admonition theme-admonition-tip alert alert--success"><div
      class="admonitionHeading_Gvgb">tip</div><div class="admonitionContent_BuS1">
      <p>Keep the hopper half full, then the grain flows evenly.</p></div></div>
    <div class="language-bash codeBlockContainer_Ckt0 theme-code-block"><div
      class="codeBlockTitle_OeMC">feed.sh</div><div class="codeBlockContent_QJqH"><pre
      class="prism-code"><code class="codeBlockLines_e6Vv"><span class="token-line"><span
      class="token comment"># a sack a minute</span><br></span><span class="token-line"><span
      class="token plain">mill feed --sacks 1</span><br></span></code></pre><div
      class="buttonGroup_M5ko"><button>Copy</button></div></div></div>
    <div role="tabpanel">On a river, feed slowly.</div>
    <div role="tabpanel" hidden>On the sea, feed with the tide.</div>
    </div>
    <footer class="theme-doc-footer"><div class="row theme-doc-footer-edit-meta-row"><a
      href="https://code.example/edit" class="theme-edit-this-page">Edit this page</a><span
      class="theme-last-updated">Last updated on March 1, 2024</span></div></footer></article>
    <nav class="pagination-nav" aria-label="Docs pages"><a class="pagination-nav__link" href="/x">
      <div>Previous</div><div>Dressing the stones by hand</div></a></nav></div></div>
    <div class="col col--3"><div class="tableOfContents_TN1Q theme-doc-toc-desktop"><ul
      class="table-of-contents"><li><a href="#related-tools">Related tools</a></li></ul></div></div>
    </div></div></main></div></div></div></body></html>"""
    assert text_of(markup) == [
        "Feeding",
        LEAD,
        "Related tools",
        "tip",
        "Keep the hopper half full, then the grain flows evenly.",
        "feed.sh",
        "# a sack a minute\nmill feed --sacks 1",
        "On a river, feed slowly.",
        "On the sea, feed with the tide.",
    ]


def test_a_page_as_a_wiki_lays_it_out():
    markup = f"""<!DOCTYPE html><html><head><title>Watermill - The Grain Wiki</title></head>
    <body class="skin-vector mediawiki"><div class="mw-page-container">
    <header class="vector-header"><nav class="vector-main-menu">{MENU}</nav></header>
    <div class="mw-content-container"><main id="content" class="mw-body">
    <header class="mw-body-header"><h1 id="firstHeading">Watermill</h1></header>
    <div id="bodyContent" class="vector-body"><div id="siteSub">From The Grain Wiki</div>
    <div id="mw-content-text" class="mw-body-content"><div class="mw-parser-output">
    <table class="infobox"><tbody><tr><th colspan="2">Watermill</th></tr>
      <tr><th>Power</th><td><a href="/wiki/Water">Water</a> of a stream</td></tr></tbody></table>
    <p>{LEAD}<sup id="cite_ref-1" class="reference"><a
      href="#cite_note-1"><span>[</span>1<span>]</span></a></sup></p>
    <figure class="mw-default-size"><a href="/wiki/File:M.jpg"><img src="m.jpg"></a>
      <figcaption>A mill in the hills, taken around the year 1900 by an unknown visitor.
      </figcaption></figure>
    <div id="toc" class="toc" role="navigation"><h2>Contents</h2>{MENU}</div>
    <div class="mw-heading mw-heading2"><h2 id="History">History</h2><span
      class="mw-editsection">[<a href="/edit">edit</a>]</span></div>
    <p>Monks built the first mills of the valley, and their accounts say what each has cost.</p>
    <table class="wikitable"><caption>Mills of the valley</caption><tbody><tr><th>Mill</th>
      <th>Town</th></tr><tr><td><a href="/wiki/U">Upper mill</a></td>
      <td><a href="/wiki/K">Kings Lea</a></td></tr></tbody></table>
    <h2 id="See_also">See also</h2><ul><li><a href="/wiki/A">Windmill</a></li>
      <li><a href="/wiki/B">Horse mill</a></li></ul>
    <h2 id="Notes">Notes</h2><div class="reflist"><ol class="references"><li id="cite_note-1"><span
      class="mw-cite-backlink"><b><a href="#cite_ref-1">^</a></b></span> <span
      class="reference-text">Unless the hopper has run empty.</span></li></ol></div>
    <div class="navbox" role="navigation"><table><tr><td>{MENU}</td></tr></table></div>
    </div><div class="printfooter">Retrieved from "https://wiki.example/Watermill"</div></div>
    <div id="catlinks" class="catlinks"><a href="/c">Categories</a>: <a href="/m">Mills</a></div>
    </div></main></div>
    <footer class="mw-footer"><p>Text is available under a free licence.</p></footer>
    </div></body></html>"""
    assert text_of(markup) == [
        "Watermill",
        "Watermill\nPower | Water of a stream",
        LEAD,
        "History",
        "Monks built the first mills of the valley, and their accounts say what each has cost.",
        "Mills of the valley\nMill | Town\nUpper mill | Kings Lea",
        "Notes",
        "1. Unless the hopper has run empty.",
    ]


def test_a_page_of_a_manual_that_is_all_code_and_tables_is_kept():
    rows = "".join(f"<tr><td>--level {n}</td><td>gap {n}</td></tr>" for n in range(4))
    markup = f"""<html><head><title>mill(1)</title></head><body><div class="sidebar">{MENU}</div>
    <div class="content"><h1>mill(1)</h1><pre>mill [--level N] GRAIN</pre>
    <h2>Options</h2><table>{rows}</table></div></body></html>"""
    assert text_of(markup) == [
        "mill(1)",
        "mill [--level N] GRAIN",
        "Options",
        "--level 0 | gap 0\n--level 1 | gap 1\n--level 2 | gap 2\n--level 3 | gap 3",
    ]
