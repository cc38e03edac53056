"""Documents: what there is, taking in, reading, amending, removing, and deciding on what is held."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

import yaml
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from console.library import SORTS, STATES, VALIDITIES, Library, chosen, entries, known_lines, line_diff
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.web import MAX_FORM, NavItem, Visit, Web
from contracts.engines import DocumentInfo
from contracts.errors import DocumentRefused, DocumentUnknown, KnowledgeError
from knowledge.api import Added, KnowledgeAccess, Outcome
from knowledge.documents import clean_source

HOME = "/knowledge"
FIELDS = ("title", "owner", "approver", "valid_from", "valid_to", "language", "jurisdiction", "tags")
_WRITTEN = ("title", "body", "owner", "valid_from", "valid_to", "language", "jurisdiction", "tags", "source")
PAGE = 100
"""Rows of a page of the list."""
_TEXT_FORM = 3 * MAX_FORM
"""A form with a text of MAX_FORM letters: each may take more than a byte."""
_SAID = {
    Outcome.ADDED: "is new in the draft",
    Outcome.REPLACED: "is replaced in the draft",
    Outcome.UNCHANGED: "is what the draft has already",
    Outcome.HELD: "is held: it has words that look like orders to a language model; see Held",
}


@dataclass(slots=True)
class Documents:
    """The pages of the draft's documents."""

    web: Web
    library: Library
    settings: ConsoleSettings

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, read, edit = self.web, Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_EDIT
        web.nav.append(NavItem(HOME, "Documents", read))
        upload = self.settings.max_upload_bytes + MAX_FORM
        return [
            web.get(HOME, self.overview, read),
            web.post(f"{HOME}/upload", self.upload, edit, home=HOME, max_bytes=upload),
            web.get(f"{HOME}/new", self.new, edit),
            web.post(f"{HOME}/new", self.write, edit, home=f"{HOME}/new", max_bytes=_TEXT_FORM),
            web.get(f"{HOME}/document", self.document, read),
            web.post(f"{HOME}/amend", self.amend, edit, home=HOME, max_bytes=_TEXT_FORM),
            web.post(f"{HOME}/remove", self.remove, edit, home=HOME),
            web.get(f"{HOME}/held", self.held, read),
            web.post(f"{HOME}/decide", self.decide, edit, home=f"{HOME}/held"),
            web.get(f"{HOME}/diff", self.diff, read),
        ]

    async def overview(self, visit: Visit) -> Response:
        """All documents with state and validity; filtered and sorted by the address."""

        def read(base: KnowledgeAccess) -> tuple[list[DocumentInfo], list[DocumentInfo], list[DocumentInfo]]:
            live = base.list_documents("") if base.stats().release else []
            return base.list_documents(), live, [one.document for one in base.held()]

        found = entries(*await self.library(read), date.today())
        stats = await self.library(lambda base: base.stats())
        asked = {key: visit.query(key, 200) for key in ("q", "state", "valid", "sort")}
        shown = chosen(found, asked["q"], asked["state"], asked["valid"], asked["sort"] or "title")
        page = visit.query("page", 6)
        at = max(0, int(page) - 1 if page.isdecimal() else 0) * PAGE

        def link(**changed: str | int) -> str:
            return f"{HOME}?{urlencode({key: value for key, value in {**asked, **changed}.items() if value})}"

        return self.web.page(
            visit,
            "documents.html",
            rows=shown[at : at + PAGE],
            count=len(shown),
            total=len(found),
            first=at,
            per_page=PAGE,
            stats=stats,
            asked=asked,
            link=link,
            states=STATES,
            validities=VALIDITIES,
            sorts=SORTS,
            most=self.settings.max_upload_bytes,
        )

    async def upload(self, visit: Visit) -> Response:
        """Files into the draft; each is told about by itself."""
        files = [one for one in visit.form.getlist("files") if isinstance(one, UploadFile) and one.filename]
        if not files:
            return self.web.back(visit, HOME, "Choose a file first.", kind="error")
        for one in files:
            name = str(one.filename)
            await self.web.note(visit, "knowledge.add", name)
            try:
                await self._add(visit, await one.read(), name)
            except KnowledgeError as error:
                self.web.say(visit, str(error), kind="error")
        return self.web.back(visit, HOME)

    async def new(self, visit: Visit) -> Response:
        """A form to write a document; ``ask`` is the question that it answers."""
        ask = visit.query("ask")
        return self._form(visit, ask, {"title": ask[:1].upper() + ask[1:], "owner": visit.by})

    def _form(self, visit: Visit, ask: str, given: Mapping[str, str], status: int = 200) -> Response:
        return self.web.page(
            visit, "new.html", status, ask=ask, longest=MAX_FORM, given=dict.fromkeys(_WRITTEN, "") | dict(given)
        )

    async def write(self, visit: Visit) -> Response:
        """What was written, as Markdown, into the draft; the form comes back with it if that cannot be."""
        given = {key: visit.field(key, MAX_FORM if key == "body" else 400) for key in _WRITTEN}
        try:
            source = await self._write(visit, given)
        except KnowledgeError as error:
            self.web.say(visit, str(error), kind="error")
            return self._form(visit, visit.field("ask", 500), given, 422)
        return self.web.back(visit, f"{HOME}/document?{urlencode({'key': source})}")

    async def _write(self, visit: Visit, given: Mapping[str, str]) -> str:
        title, body = given["title"], given["body"]
        if not title or not body:
            raise KnowledgeError("a document needs a title and a text")
        source = clean_source(given["source"] or f"{slug(title)}.md")
        taken = await self.library(lambda base: [one.source for one in base.list_documents()])
        if source in taken:
            raise KnowledgeError(f"there is a document {source} already; give another file name")
        known = {key: given[key] for key in FIELDS if given.get(key)}
        head = yaml.safe_dump(known, allow_unicode=True)
        await self.web.note(visit, "knowledge.add", source)
        await self._add(visit, f"---\n{head}---\n\n{body}\n".encode(), source)
        return source

    async def document(self, visit: Visit) -> Response:
        """One document: what is known about it, its text, and how it differs from what callers hear."""
        return await self._document(visit, visit.query("key", 400))

    async def _document(
        self, visit: Visit, key: str, given: Mapping[str, str] | None = None, status: int = 200
    ) -> Response:
        """``given``: what somebody has typed and could not save."""
        info, body, state = await self.library(lambda base: _found(base, key))
        known = {name: _as_text(getattr(info, name)) for name in FIELDS}
        return self.web.page(
            visit,
            "document.html",
            status,
            info=info,
            body=body,
            state=state,
            fields=FIELDS,
            given={**known, "body": body, **(given or {})},
            editable=len(body) <= MAX_FORM,
            container=info.source.partition("#")[0],
            longest=MAX_FORM,
        )

    async def amend(self, visit: Visit) -> Response:
        """Another text, other metadata; the form comes back with what was typed if that cannot be."""
        key = visit.field("key", 400)
        given = {name: visit.field(name, 400) for name in FIELDS}
        text = visit.field("body", MAX_FORM).replace("\r\n", "\n") if "body" in visit.form else None
        await self.web.note(visit, "knowledge.amend", key)

        def save(base: KnowledgeAccess) -> Added:
            same = text is None or text == base.text(key).body.strip()
            return base.amend(key, given, by=visit.by, body=None if same else text)

        try:
            added = await self.library(save)
        except DocumentRefused as error:
            self.web.say(visit, str(error), kind="error")
            return await self._document(visit, key, given if text is None else {**given, "body": text}, 422)
        if added.outcome is Outcome.HELD:
            self.web.say(visit, f"{key} {_SAID[added.outcome]}. The draft keeps what it had.", kind="info")
        else:
            same = added.outcome is Outcome.UNCHANGED
            self.web.say(visit, "Nothing was different." if same else "Changed in the draft.")
        return self.web.back(visit, f"{HOME}/document?{urlencode({'key': key})}")

    async def remove(self, visit: Visit) -> Response:
        """Out of the draft; callers hear it until the next release."""
        key = visit.field("key", 400)
        await self.web.note(visit, "knowledge.remove", key)
        gone = await self.library(lambda base: base.remove(key, by=visit.by))
        return self.web.back(
            visit, HOME, f"{key} leaves with the next release ({len(gone)} document{'s' if len(gone) != 1 else ''})."
        )

    async def held(self, visit: Visit) -> Response:
        """Quarantined documents with the suspicious words."""
        found = await self.library(lambda base: base.held())
        return self.web.page(visit, "held.html", found=found)

    async def decide(self, visit: Visit) -> Response:
        """Let a held document in, or throw it away."""
        key, word = visit.field("key", 400), visit.field("word")
        if word not in ("accept", "reject"):
            raise HTTPException(400, "accept or reject")
        await self.web.note(visit, f"knowledge.{word}", key)
        info = await self.library(lambda base: base.decide(key, accept=word == "accept", by=visit.by))
        return self.web.back(visit, f"{HOME}/held", f"{info.source} {word}ed.")

    async def diff(self, visit: Visit) -> Response:
        """How a document of the draft differs from the live one."""
        key = visit.query("key", 400)

        def read(base: KnowledgeAccess) -> tuple[str, str]:
            texts = []
            for release in ("", None):
                try:
                    found = base.text(key, release)
                    texts.append(f"{known_lines(found.document)}\n\n{found.body}")
                except DocumentUnknown:
                    texts.append("")
            return texts[0], texts[1]

        before, after = await self.library(read)
        if not before and not after:
            raise DocumentUnknown(f"no document {key!r}")
        return self.web.page(visit, "diff.html", key=key, lines=list(line_diff(before, after)))

    async def _add(self, visit: Visit, data: bytes, source: str) -> None:
        added: list[Added] = await self.library(lambda base: base.add(data, source, by=visit.by))
        if len(added) > 3:
            counts = {one: sum(each.outcome is one for each in added) for one in Outcome}
            told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
            self.web.say(visit, f"{source}: {told}", kind="info" if counts[Outcome.HELD] else "done")
            return
        for each in added:
            kind = "info" if each.outcome in (Outcome.HELD, Outcome.UNCHANGED) else "done"
            self.web.say(visit, f"{each.document.source} {_SAID[each.outcome]}.", kind=kind)
            for notice in each.document.notices:
                self.web.say(visit, f"{each.document.source}: {notice}", kind="info")


def _found(base: KnowledgeAccess, key: str) -> tuple[DocumentInfo, str, str]:
    """A document, its text, and what it is to callers. Raises DocumentUnknown."""
    live = {one.source: one.version_id for one in base.list_documents("")} if base.stats().release else {}
    try:
        found = base.text(key)
    except DocumentUnknown:
        found = base.text(key, "")  # leaves with the next release, and is heard until then
        return found.document, found.body, "removed"
    info = found.document
    if any(one.document.version_id == info.version_id for one in base.held()):
        return info, found.body, "held"
    heard = live.get(info.source)
    return info, found.body, "new" if heard is None else "live" if heard == info.version_id else "changed"


def _as_text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def slug(title: str) -> str:
    """A file name for a title. Pure."""
    return re.sub(r"[^\w]+", "-", title.casefold()).strip("-_")[:60] or "document"
