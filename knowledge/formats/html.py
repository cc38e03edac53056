"""HTML: headings, paragraphs, lists and tables become Markdown; scripts are refused, hidden text is not taken in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.finishing import document
from knowledge.formats.encoding import decode
from knowledge.metadata import KEYS, read_metadata
from knowledge.settings import IngestSettings

_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.I)
_ENTITY = re.compile(r"<!ENTITY\b|<!DOCTYPE[^>\[]*\[", re.I)
_SKIP = frozenset("head style template noscript nav footer svg math canvas audio video form button select "
                  "input textarea script iframe object embed applet".split())  # fmt: skip
_BLOCKS = frozenset("p div section article main header aside blockquote address figure figcaption dl dt dd details "
                    "summary pre body html center fieldset".split())  # fmt: skip
_ACTIVE = ("script", "object", "embed", "applet", "iframe[srcdoc]")
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|$)|opacity\s*:\s*0\s*(?:;|$)"
    r"|(?:left|top|text-indent)\s*:\s*-\d{3,}|(?<!-)color\s*:\s*(?:white|#fff(?:fff)?|transparent)\b",
    re.I,
)
_DEEPEST = 200


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """One document. Raises DocumentRefused for scripts and entity definitions, and for a page without text."""
    charset = _CHARSET.search(data[:2048])
    text, notices = decode(data, source, charset.group(1).decode() if charset else "")
    if _ENTITY.search(text[:100_000]):
        raise DocumentRefused(f"{source}: defines XML entities; remove the definitions in its DOCTYPE and add it again")
    tree = LexborHTMLParser(text)
    _check_active(tree, source, settings)
    page = _Page()
    if tree.body is not None:
        page.walk(tree.body, 0)
    known = read_metadata(_meta(tree), source)
    return [document(source, "html", page.markdown(), known, notices=notices, hidden=(*page.hidden, *_comments(tree)))]


def _check_active(tree: LexborHTMLParser, source: str, settings: IngestSettings) -> None:
    if settings.active_content == "strip":
        return
    scripts = sum(len(tree.css(name)) for name in _ACTIVE)
    handlers = sum(
        1
        for node in (tree.root.traverse() if tree.root is not None else ())
        for name, value in node.attributes.items()
        if (name.lower().startswith("on") and len(name) > 3)
        or (value or "").replace("\t", "").strip().lower().startswith(("javascript:", "vbscript:"))
    )
    if scripts or handlers:
        raise DocumentRefused(
            f"{source}: holds scripts (elements: {scripts}, handlers: {handlers}); save the page without them, "
            "or set ingest.active_content to strip, which reads the text and drops them"
        )


def _meta(tree: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    title = tree.css_first("title")
    if title is not None and title.text().strip():
        found["title"] = title.text()
    root = tree.css_first("html")
    if root is not None and (lang := root.attributes.get("lang")):
        found["language"] = lang
    for node in tree.css("meta[name]"):
        name = str(node.attributes.get("name") or "").lower().removeprefix("callwright:").replace("-", "_")
        if name in KEYS and name not in {"name", "title"} and (content := node.attributes.get("content")):
            found[name] = content
    return found


def _comments(tree: LexborHTMLParser) -> Iterator[str]:
    for node in tree.root.traverse(include_text=True) if tree.root is not None else ():
        if node.is_comment_node and node.comment_content:
            yield node.comment_content


def _is_hidden(node: LexborNode) -> bool:
    given = node.attributes
    return "hidden" in given or _HIDDEN_STYLE.search(given.get("style") or "") is not None


class _Page:
    """Walks a page and writes Markdown lines."""

    def __init__(self) -> None:
        self.hidden: list[str] = []
        self._lines: list[str] = []
        self._inline: list[str] = []

    def markdown(self) -> str:
        """What has been walked, as Markdown."""
        self._flush()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip() + "\n"

    def walk(self, node: LexborNode, depth: int, list_mark: str = "") -> None:
        """A node and what is in it."""
        if depth > _DEEPEST:
            self._inline.append(" " + node.text(deep=True))
            return
        child = node.child
        while child is not None:
            if child.is_text_node:
                self._inline.append(child.text(deep=False))
            elif child.is_element_node:
                self._element(child, depth, list_mark)
            child = child.next

    def _element(self, node: LexborNode, depth: int, list_mark: str) -> None:
        tag = (node.tag or "").lower()
        if _is_hidden(node):
            self.hidden.append(node.text(deep=True))
        elif tag in _SKIP:
            pass
        elif re.fullmatch(r"h[1-6]", tag):
            self._flush()
            if words := " ".join(node.text(deep=True).split()):
                self._lines += ["", "#" * int(tag[1]) + " " + words, ""]
        elif tag in {"ul", "ol"}:
            self._flush()
            self._lines.append("") if not list_mark else None
            self.walk(node, depth + 1, "- " if tag == "ul" else "1. ")
            self._flush()
            self._lines.append("") if not list_mark else None
        elif tag == "li":
            self._flush()
            self.walk(node, depth + 1, list_mark or "- ")
            self._flush(list_mark or "- ")
        elif tag == "table":
            self._flush()
            self._table(node)
        elif tag == "br":
            self._flush()
        elif tag in _BLOCKS:
            self._flush()
            self.walk(node, depth + 1, list_mark)
            self._flush(list_mark)
            if not list_mark:
                self._lines.append("")
        else:
            self.walk(node, depth + 1, list_mark)

    def _flush(self, prefix: str = "") -> None:
        words = " ".join("".join(self._inline).split())
        self._inline = []
        if words:
            self._lines.append(prefix + _escaped(words))

    def _table(self, node: LexborNode) -> None:
        rows: list[list[str]] = []
        for row in node.css("tr"):
            if not _is_hidden(row):
                rows.append([" ".join(c.text(deep=True).split()).replace("|", "/") for c in row.css("th, td")])
            else:
                self.hidden.append(row.text(deep=True))
        rows = [row for row in rows if any(row)]
        if not rows:
            return
        first = node.css_first("tr")
        self._lines.append("")
        for number, cells in enumerate(rows):
            self._lines.append("| " + " | ".join(cells) + " |")
            if number == 0 and first is not None and first.css("th") and len(rows) > 1:
                self._lines.append("|" + " --- |" * len(cells))
        self._lines.append("")


def _escaped(words: str) -> str:
    """Text that happens to look like Markdown stays text."""
    return "\\" + words if re.match(r"(?:#{1,6}\s|[-*+]\s|>|\|)", words) else words
