"""What kind of file these bytes are: by their content, never by the name. Pure."""

from __future__ import annotations

import json
import re
from enum import StrEnum

import filetype

from contracts.errors import DocumentRefused
from knowledge.formats.encoding import looks_like_utf16
from knowledge.formats.table import header_of


class Kind(StrEnum):
    """What can be read."""

    TEXT = "text"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    CSV = "csv"
    JSON = "json"


AS_WHAT = "save it as Markdown, text, HTML, PDF, DOCX, CSV or JSON and add it again"
_HEAD = 4096
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*|<\?xml[^>]*\?>\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_HTML_BODY = re.compile(rb"<(p|div|h[1-6]|ul|ol|table|br|span|section|article)\b[^>]*>", re.I)
_XML = re.compile(rb"\s*<(?:\?xml|!DOCTYPE|[a-z][\w.-]*:[a-z]|svg\b|rss\b|feed\b)", re.I)
_JSON = re.compile(rb"\s*[\[{]")


def sniff(data: bytes, source: str) -> Kind:
    """The kind of a file. Raises DocumentRefused for what cannot be read, naming what it is."""
    if not data.strip(b" \t\r\n\f\0\xef\xbb\xbf"):
        raise DocumentRefused(f"{source}: is empty; write something in it or leave it out")
    if b"%PDF-" in data[:1024]:
        return Kind.PDF
    if data.startswith(_ZIP):
        if b"word/" in data and b"[Content_Types].xml" in data:
            return Kind.DOCX
        raise DocumentRefused(f"{source}: is a ZIP archive but no Word document; unpack it and add what is in it")
    if data.startswith(_OLD_OFFICE):
        raise DocumentRefused(
            f"{source}: is an old or encrypted Office file; save it as DOCX without a password and add it again"
        )
    if data.startswith(b"{\\rtf"):
        raise DocumentRefused(f"{source}: is RTF; {AS_WHAT}")
    if data.startswith(b"SQLite format 3\x00"):
        raise DocumentRefused(f"{source}: is a SQLite database; {AS_WHAT}")
    known = filetype.guess(data[:8192])
    if known is not None:
        raise DocumentRefused(f"{source}: is {_article(known.mime)}, not a document; {AS_WHAT}")
    if looks_like_utf16(data):
        return _text_kind(data)
    if b"\x00" in data:
        raise DocumentRefused(f"{source}: is binary, not a document; {AS_WHAT}")
    kind = _text_kind(data)
    if kind is Kind.TEXT and _XML.match(data[:_HEAD].removeprefix(_BOMS[0])):
        raise DocumentRefused(f"{source}: is XML; {AS_WHAT}")
    return kind


def _article(mime: str) -> str:
    group, _, name = mime.partition("/")
    names = {"image": "image", "video": "video", "audio": "recording", "font": "font"}
    name = name.removeprefix("x-").removeprefix("vnd.").upper()
    return f"a {name} {names.get(group, 'file')}"


def _text_kind(data: bytes) -> Kind:
    head = data[: _HEAD * 4]
    if looks_like_utf16(data):
        head = head.replace(b"\x00", b"")
    for bom in _BOMS:
        head = head.removeprefix(bom)
    if _HTML.match(head) or (head.lstrip().startswith(b"<") and len(_HTML_BODY.findall(head)) >= 2):
        return Kind.HTML
    if _JSON.match(head) and _is_json(data):
        return Kind.JSON
    if header_of(head.split(b"\n", 1)[0]) is not None:
        return Kind.CSV
    return Kind.TEXT


def _is_json(data: bytes) -> bool:
    """Text may open with a bracket; what opens like an object or a list of values is meant as JSON."""
    if re.match(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]\d])", data.removeprefix(_BOMS[0])):
        return True
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
