"""DOCX: headings by style, lists, tables; hidden runs are not taken in. Macros and embedded programs are refused."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.finishing import document
from knowledge.formats.archive import check_xml, open_checked
from knowledge.metadata import Metadata, read_metadata
from knowledge.settings import IngestSettings

_HEADING = re.compile(r"^(?:heading|überschrift|titre|título|titolo)\s*(\d)$", re.I)
_MACROS = ("vbaproject.bin", "vbadata.xml")
_EMBEDDED = ("/activex/", "/embeddings/")


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """One document. Raises DocumentRefused: macros, bombs, entities, damaged, empty."""
    with open_checked(data, source, settings) as archive:
        _check_active(archive, source, settings)
        check_xml(archive, source)
    try:
        word = docx.Document(io.BytesIO(data))
        page = _Page(word)
        body = page.markdown()
        known = _properties(word)
    except (KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise DocumentRefused(
            f"{source}: is no Word document that can be read ({type(error).__name__}); save it again as DOCX"
        ) from error
    return [document(source, "docx", body, read_metadata(known, source).over(Metadata()), hidden=tuple(page.hidden))]


def _check_active(archive: zipfile.ZipFile, source: str, settings: IngestSettings) -> None:
    names = [name.lower() for name in archive.namelist()]
    types = archive.read("[Content_Types].xml") if "[Content_Types].xml" in archive.namelist() else b""
    if any(name.endswith(_MACROS) for name in names) or b"macroenabled" in types.lower():
        raise DocumentRefused(f"{source}: holds macros; save it as DOCX without macros and add it again")
    if settings.active_content == "refuse" and any(part in f"/{name}" for name in names for part in _EMBEDDED):
        raise DocumentRefused(
            f"{source}: has other files or controls embedded; remove them, or set ingest.active_content to strip"
        )


def _properties(word: Any) -> dict[str, str]:
    core = word.core_properties
    found = {"title": core.title, "owner": core.author, "language": core.language, "tags": core.keywords}
    # python-docx's own template names itself as author, which is nobody's document.
    return {key: value for key, value in found.items() if value and value != "python-docx"}


class _Page:
    """A Word document as Markdown."""

    def __init__(self, word: Any) -> None:
        self._word = word
        self.hidden: list[str] = []

    def markdown(self) -> str:
        """Its paragraphs and tables in order."""
        lines: list[str] = []
        for block in self._word.iter_inner_content():
            lines += self._table(block) if isinstance(block, Table) else self._paragraph(block)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"

    def _paragraph(self, paragraph: Paragraph) -> list[str]:
        words = " ".join(self._visible(paragraph).split())
        if not words:
            return [""]
        style = (paragraph.style.name if paragraph.style is not None else None) or ""
        heading = _HEADING.match(style)
        if heading:
            return ["", "#" * min(6, int(heading.group(1))) + " " + words, ""]
        if style.lower() in {"title", "titel", "titre"}:
            return ["", "# " + words, ""]
        properties = paragraph._p.pPr
        if "list" in style.lower() or (properties is not None and properties.numPr is not None):
            return ["- " + words]
        return ["", words, ""]

    def _visible(self, paragraph: Paragraph) -> str:
        """Text of runs and links that is printed; what is marked hidden, white or 1 point high is kept apart."""
        shown: list[str] = []
        for element in paragraph._p.iter(qn("w:r")):
            text = "".join(_letters(element))
            (self.hidden if _is_hidden(element) else shown).append(text)
        return "".join(shown)

    def _table(self, table: Table) -> list[str]:
        rows = []
        for row in table.rows:
            cells: list[str] = []
            seen: set[int] = set()
            for cell in row.cells:
                if id(cell._tc) not in seen:  # a merged cell is listed once for each column
                    seen.add(id(cell._tc))
                    text = " ".join(self._visible(one) for one in cell.paragraphs)
                    cells.append(" ".join(text.split()).replace("|", "/"))
            rows.append(cells)
        lines = ["| " + " | ".join(row) + " |" for row in rows if any(row)]
        if len(lines) > 1:
            lines.insert(1, "|" + " --- |" * len(rows[0]))
        return ["", *lines, ""]


def _letters(run: Any) -> Iterator[str]:
    for node in run:
        if node.tag == qn("w:t"):
            yield node.text or ""
        elif node.tag in {qn("w:tab"), qn("w:br"), qn("w:cr")}:
            yield " "
        elif node.tag == qn("w:noBreakHyphen"):
            yield "-"


def _is_hidden(run: Any) -> bool:
    properties = run.find(qn("w:rPr"))
    if properties is None:
        return False
    vanish = properties.find(qn("w:vanish"))
    if vanish is not None and vanish.get(qn("w:val")) not in {"0", "false", "off"}:
        return True
    color, size = properties.find(qn("w:color")), properties.find(qn("w:sz"))
    if color is not None and str(color.get(qn("w:val"))).upper() == "FFFFFF":
        return True
    return size is not None and str(size.get(qn("w:val"))) in {"0", "1", "2"}
