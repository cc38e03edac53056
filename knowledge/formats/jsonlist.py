"""JSON: a list of documents, or answers nested under the things they are about.

::

    [{"id": …, "title": …, "content": …, "owner": …}, …]           a document each
    {"documents": [ … ]}                                            the same
    {"hotel": {"7": {"name": …, "docs": {"0": {"title": …, "body": …}}}}}
                    └─ a document for each ``docs``; each of its entries is a section that answers a question

Which keys mean id, title and text is set by ``ingest.json_keys``; other keys are those of ``knowledge.metadata``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.finishing import document
from knowledge.formats.encoding import decode
from knowledge.metadata import read_metadata
from knowledge.settings import IngestSettings, JsonKeys

_DEEPEST = 8


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """The documents of a list or a tree. Raises DocumentRefused, naming the place in the file."""
    text, _ = decode(data, source)
    try:
        root = json.loads(text)
    except RecursionError as error:
        raise DocumentRefused(f"{source}: is nested too deeply; give a list of documents") from error
    except ValueError as error:
        raise DocumentRefused(f"{source}: is not valid JSON ({error}); correct it and add it again") from error
    keys = settings.json_keys
    if isinstance(root, dict) and (inner := _get(root, keys.documents)) is not None and isinstance(inner, list):
        root = inner
    if isinstance(root, dict) and _text(root, keys) is not None:
        root = [root]
    found = list(_list(root, source, keys) if isinstance(root, list) else _tree(root, (), source, keys, 0))
    if not found:
        raise DocumentRefused(
            f"{source}: holds no documents; give a list of objects with a text under one of "
            f"{', '.join(keys.text)} (see docs/knowledge.md), or set ingest.json_keys"
        )
    return found


def _list(items: list[Any], source: str, keys: JsonKeys) -> Iterator[Document]:
    for at, item in enumerate(items):
        where = f"{source} item {at + 1}"
        if not isinstance(item, dict):
            raise DocumentRefused(f"{where}: is not an object; give a list of objects with title and content")
        text = _text(item, keys)
        if text is None:
            raise DocumentRefused(
                f"{where}: has no text under {', '.join(keys.text)}; rename its key, or set ingest.json_keys"
            )
        yield _document(item, text, str(_get(item, keys.id) or at + 1), where, source, keys)


def _document(item: Mapping[str, Any], text: str, key: str, where: str, source: str, keys: JsonKeys) -> Document:
    title = _get(item, keys.title)
    given = item.get("metadata")
    known = read_metadata({**(given if isinstance(given, dict) else {}), **item, "title": title}, where)
    name = f"{source}#{key}"
    # A title that asks makes the text its answer, whole in itself.
    return document(name, "json", text, known, container=source, answers=known.title.endswith("?"))


def _tree(node: Any, path: tuple[str, ...], source: str, keys: JsonKeys, depth: int) -> Iterator[Document]:
    if depth > _DEEPEST or not isinstance(node, dict):
        return
    answers = _get(node, keys.answers)
    if isinstance(answers, dict | list) and answers:
        yield _answers(node, answers, path, source, keys)
        return
    for key, child in node.items():
        yield from _tree(child, (*path, str(key)), source, keys, depth + 1)


def _answers(node: Mapping[str, Any], answers: Any, path: tuple[str, ...], source: str, keys: JsonKeys) -> Document:
    where = f"{source}#{'/'.join(path)}"
    parts: list[str] = []
    for entry in answers.values() if isinstance(answers, dict) else answers:
        text = _text(entry, keys) if isinstance(entry, dict) else None
        asked = _get(entry, keys.title) if isinstance(entry, dict) else None
        if text is None or not asked:
            raise DocumentRefused(f"{where}: an entry lacks a title or a text; complete or delete it")
        parts.append(f"## {' '.join(str(asked).split())}\n\n{text.strip()}\n")
    # What holds for all of a kind has no name of its own; its place in the tree says what it is about.
    title = _get(node, keys.title) or next((part for part in reversed(path) if part.strip("*")), "")
    known = read_metadata({**node, "title": title}, where)
    return document(where, "json", "\n".join(parts), known, container=source, answers=True)


def _text(item: Mapping[str, Any], keys: JsonKeys) -> str | None:
    found = _get(item, keys.text)
    return found if isinstance(found, str) and found.strip() else None


def _get(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if item.get(name) not in (None, "")), None)
