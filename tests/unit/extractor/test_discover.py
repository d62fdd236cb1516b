from pathlib import Path

import pytest

from services.cli.discover import FoundDocument, discover
from shared.errors import DocumentNotFound, NoDocumentsFound


@pytest.fixture
def folder(tmp_path):
    for name in ("b.md", "a.html", "sub/c.TXT", "sub/d.bin", ".hidden.md", ".git/e.md", "z.docx"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    return tmp_path


def names(found, folder):
    return [str(document.path.relative_to(folder)) for document in found]


def test_a_folder_means_its_readable_files_in_order_without_hidden_ones(folder):
    assert names(discover([str(folder)]), folder) == ["a.html", "b.md", "z.docx", "sub/c.TXT"]


def test_a_file_is_taken_whatever_its_ending(folder):
    path = folder / "sub" / "d.bin"
    assert discover([str(path)]) == [FoundDocument(path.resolve().as_uri(), path)]


def test_patterns_are_expanded(folder):
    assert names(discover([f"{folder}/**/*.[mT]*"]), folder) == ["b.md", "sub/c.TXT"]


def test_web_addresses_pass_through():
    url = "https://mill.example/stones?page=2"
    assert discover([url]) == [FoundDocument(url)]


def test_nothing_is_found_twice(folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = discover(["b.md", str(folder), "./b.md", "sub/../b.md", "*.md"])
    assert len(found) == len({document.uri for document in found}) == 4
    assert found[0].path == Path("b.md")


def test_links_in_a_circle_end(folder):
    (folder / "sub" / "up").symlink_to(folder)
    assert len(discover([str(folder)])) == 4


@pytest.mark.parametrize("name", ["missing.md", "missing/", "*.rst"])
def test_a_path_that_does_not_exist_is_named(folder, name):
    with pytest.raises(DocumentNotFound, match=r"missing|rst"):
        discover([str(folder), f"{folder}/{name}"])


def test_a_folder_with_no_documents_is_no_success(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"x")
    with pytest.raises(NoDocumentsFound) as caught:
        discover([str(tmp_path)])
    assert str(tmp_path) in caught.value.message


def test_no_arguments_find_nothing():
    with pytest.raises(NoDocumentsFound):
        discover([])
