"""Documents for the tests, good and bad, made on the spot."""
# ruff: noqa: RUF001 - French has its own apostrophe

import io
import zipfile

from docx import Document
from fpdf import FPDF

FRENCH = "Le café crème coûte trois euros à l’hôtel, ce qui est déjà très cher en été. "


def prose(topic: str, sentences: int = 8) -> str:
    """Return that many sentences of 12 words, no two of them alike."""
    return " ".join(
        f"Sentence {number} about {topic} states fact {number * 7} in exactly twelve words."
        for number in range(1, sentences + 1)
    )


def page(*sections: tuple[str, str], title: str = "A page") -> bytes:
    """Return an HTML page with furniture around its sections."""
    body = "".join(f"<h2>{heading}</h2><p>{text}</p>" for heading, text in sections)
    return (
        f"<html><head><title>{title}</title></head><body><nav><a href='/'>Home</a>"
        f"<a href='/shop'>Shop</a></nav><article><h1>{title}</h1>{body}</article>"
        "<footer>Copyright 2025, all rights reserved</footer></body></html>"
    ).encode()


def pdf(*pages: list[str], password: str = "", foot: str = "") -> bytes:
    """Return a PDF; lines that begin with # are set as headings."""
    document = FPDF()
    document.set_auto_page_break(auto=True, margin=10)
    for number, paragraphs in enumerate(pages, start=1):
        document.add_page()
        for paragraph in paragraphs:
            is_heading = paragraph.startswith("#")
            document.set_font("Helvetica", "B" if is_heading else "", 18 if is_heading else 11)
            document.multi_cell(0, 6, paragraph.lstrip("# "), new_x="LMARGIN", new_y="NEXT")
            document.ln(4)
        if foot:
            document.set_y(-20)
            document.cell(0, 6, f"{foot} {number}")
    if password:
        document.set_encryption(owner_password="owner", user_password=password)
    return bytes(document.output())


def scanned_pdf() -> bytes:
    document = FPDF()
    document.add_page()
    document.rect(20, 20, 100, 100, style="F")
    return bytes(document.output())


def docx() -> bytes:
    document = Document()
    document.add_heading("The manual", 0)
    document.add_heading("Setting up", 1)
    document.add_paragraph("Setting up takes three steps, which are listed here in their order:")
    for step in ("Unpack the box.", "Plug in the mill.", "Pour in the grain."):
        document.add_paragraph(step, style="List Bullet")
    document.add_heading("Sizes", 1)
    table = document.add_table(2, 2)
    for index, text in enumerate(("Grain", "Setting", "Wheat for bread", "Level four of nine")):
        table.cell(index // 2, index % 2).text = text
    body = io.BytesIO()
    document.save(body)
    return body.getvalue()


def zip_bomb(mebibytes: int = 300) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w") as entry:
            for _ in range(mebibytes):
                entry.write(b" " * 2**20)
    return body.getvalue()
