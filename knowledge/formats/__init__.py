"""From a file's bytes to documents: one module per format, all of it run by ``knowledge.reading`` in a child process.

The type is told by content, never by the file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contracts.errors import DocumentRefused
from knowledge.documents import Document, too_large
from knowledge.finishing import finished
from knowledge.formats import docx, html, jsonlist, markdown, pdf, table
from knowledge.formats.sniff import Kind, sniff
from knowledge.settings import IngestSettings, KnowledgeSettings

_READERS: Mapping[Kind, Callable[[bytes, str, IngestSettings], list[Document]]] = {
    Kind.TEXT: markdown.read,
    Kind.HTML: html.read,
    Kind.PDF: pdf.read,
    Kind.DOCX: docx.read,
    Kind.CSV: table.read,
    Kind.JSON: jsonlist.read,
}


def read_documents(data: bytes, source: str, settings: KnowledgeSettings) -> list[Document]:
    """The documents of a file, cut into passages and looked through for hidden instructions.

    Raises DocumentRefused, saying why and what to do. May take any time and memory that the file wants: the caller
    sets limits on the process.
    """
    limits = settings.limits
    if len(data) > limits.max_document_bytes:
        raise too_large(source, len(data), limits.max_document_bytes)
    found = _READERS[sniff(data, source)](data, source, settings.ingest)
    if not found:
        raise DocumentRefused(f"{source}: is empty; write something in it or leave it out")
    if len(found) > settings.ingest.max_documents:
        raise DocumentRefused(
            f"{source}: holds {len(found)} documents, more than {settings.ingest.max_documents}; "
            "split it, or raise ingest.max_documents"
        )
    names = {one.source for one in found}
    if len(names) < len(found):
        raise DocumentRefused(f"{source}: two documents in it have the same id; give each its own")
    letters = sum(len(one.body) for one in found)
    if letters > settings.ingest.max_text_chars:
        raise DocumentRefused(
            f"{source}: holds {letters} letters of text, more than {settings.ingest.max_text_chars}; "
            "split it, or raise ingest.max_text_chars"
        )
    return [finished(one, settings.passages) for one in found]
