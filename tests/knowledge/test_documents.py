from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from contracts.errors import DocumentRefused
from knowledge.documents import find_files, load_file, read_document

MIB = 1024 * 1024


def refusal(data: bytes, source: str = "x.md", max_bytes: int = 2 * MIB) -> str:
    with pytest.raises(DocumentRefused) as caught:
        read_document(data, source, max_bytes=max_bytes)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_front_matter_gives_title_tags_and_validity() -> None:
    data = b"---\ntitle: Fees\ntags: [a, b]\nvalid_from: 2026-01-01\nvalid_to: '2026-12-31'\nowner: x\n---\nOne fact."
    document = read_document(data, "fees.md", max_bytes=MIB)
    assert (document.title, document.tags, document.body) == ("Fees", ("a", "b"), "One fact.")
    assert (document.valid_from, document.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))


def test_title_falls_back_to_first_heading_then_to_file_name() -> None:
    assert read_document(b"intro\n\n## Opening hours ##\nx", "a.md", max_bytes=MIB).title == "Opening hours"
    assert read_document(b"just text", "sub/late-payment_fees.txt", max_bytes=MIB).title == "Late payment fees"


def test_line_ends_and_byte_order_mark_do_not_matter() -> None:
    document = read_document(b"\xef\xbb\xbf---\r\ntitle: T\r\n---\r\nA\r\nB\rC", "a.md", max_bytes=MIB)
    assert (document.title, document.body) == ("T", "A\nB\nC")


def test_a_rule_at_the_top_is_not_front_matter() -> None:
    assert "Just words" in read_document(b"---\nJust words\n---\nmore", "a.md", max_bytes=MIB).body


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"---\ntitle: T\n---\n \n", "is empty"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"PK\x03\x04rest", "Word"),
        (b"\x89PNG\r\n", "PNG image"),
        (b"{\\rtf1 x}", "RTF"),
        (b"<!DOCTYPE html><p>x", "is HTML"),
        ("häuser".encode("utf-16"), "UTF-16"),
        ("one\ntwo häuser".encode("latin-1"), "line 2 is not UTF-8 (byte 0xe4)"),
        (b"abc\x00def", "binary"),
        (b"abc\x07def", "control characters"),
    ],
)
def test_what_is_not_text_is_refused_with_what_to_do(data: bytes, says: str) -> None:
    message = refusal(data)
    assert says in message
    assert message.startswith("x.md: ")
    assert "; " in message


def test_the_name_does_not_decide_the_type() -> None:
    assert "is a PDF" in refusal(b"%PDF-1.4", "harmless.md")
    assert read_document(b"plain words", "odd.pdf", max_bytes=MIB).body == "plain words"


def test_too_large_names_size_and_limit() -> None:
    assert "2.0 MiB is more than the limit of 1.0 MiB" in refusal(b"a" * (2 * MIB), max_bytes=MIB)


@pytest.mark.parametrize(
    ("matter", "says"),
    [
        ("title: [unclosed", "not YAML"),
        ("title:Fees", "key: value"),
        ("title: {a: b}", "title"),
        ("tags: {a: b}", "tags"),
        ("tags: [[a]]", "tags"),
        ("valid_from: someday", "valid_from must be a date"),
        ("valid_from: 2026-02-01\nvalid_to: 2026-01-01", "before valid_from"),
        ("title: !!python/object/apply:os.system [ls]", "not YAML"),
        ("a: " + "[" * 5000, "not YAML"),
        ("a: " + "x" * 20_000, "longer than 16 KiB"),
    ],
)
def test_bad_front_matter_is_refused(matter: str, says: str) -> None:
    assert says in refusal(f"---\n{matter}\n---\nText.".encode())


def test_source_names_are_cleaned_or_refused() -> None:
    assert read_document(b"x", "./a\\b.md", max_bytes=MIB).source == "a/b.md"
    assert read_document(b"x", "/etc/a.md", max_bytes=MIB).source == "etc/a.md"
    for bad in ("", "/", "a\nb", "n" * 400):
        assert "source name" in refusal(b"x", bad)


def test_a_folder_means_its_visible_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.md", "a.txt", "sub/c.md", ".hidden.md", ".git/x.md"):
        (tmp_path / name).write_text("x")
    assert [source for _, source in find_files(tmp_path)] == ["a.txt", "b.md", "sub/c.md"]
    assert [source for _, source in find_files(tmp_path / "b.md")] == ["b.md"]


def test_missing_paths_and_empty_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DocumentRefused):
            list(find_files(path))


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.md"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DocumentRefused, match="more than the limit"):
        load_file(path, "big.md", max_bytes=MIB)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused, match="cannot be read"):
        load_file(tmp_path / "gone.md", "gone.md", max_bytes=MIB)
