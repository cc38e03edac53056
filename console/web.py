"""What every page stands on: who asks, may they, did the form come from us, and the frame around the answer.

::

    request ─► cookie ─► session ─┬─ none ─► sign-in, then back here
                                  └─► permission ─► (POST: form, CSRF token) ─► handler(visit) ─► page or redirect
                                            └ 403           └ 403                  └ CallwrightError ─► message

A handler gets a Visit and returns ``web.page(…)`` or ``web.back(…)``. Pages work without JavaScript; htmx only spares
reloading. No inline script or style, nothing from other hosts.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from console.accounts import Account, Accounts, Session
from console.control import MediaProcessSilent
from console.permissions import Permission
from contracts.errors import CallUnknown, CallwrightError, DocumentUnknown, RecordError, ReleaseUnknown, WorkerDied
from operations.audit import AuditLog

HERE = Path(__file__).parent
STATIC = HERE / "static"
COOKIE = "callwright"
SIGN_IN = "/sign-in"
MAX_FORM = 256 * 1024
"""Bytes of a form without files."""
_FLASHES = 1000
_LOCKED = ("database is locked", "lock timeout", "LockNotAvailable")
"""What SQLite and Postgres say of a lock that was waited for in vain."""
_SHOWN = 20
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
"""Of every answer, JSON included."""


@dataclass(slots=True, frozen=True)
class NavItem:
    """A link of the main navigation; shown to whoever may go there."""

    path: str
    label: str
    needs: Permission


@dataclass(slots=True, frozen=True)
class Visit:
    """One request of a signed-in person. ``form`` is empty but for a POST."""

    request: Request
    session: Session
    form: FormData = field(default_factory=FormData)

    @property
    def account(self) -> Account:
        """Who it is."""
        return self.session.account

    @property
    def by(self) -> str:
        """The name that changes are recorded with."""
        return self.session.account.name

    def may(self, permission: Permission) -> bool:
        """Are they allowed to?"""
        return permission in self.session.account.permissions

    def field(self, name: str, limit: int = 2000) -> str:
        """A text field of the form, without spaces around; empty if it is not there. Raises HTTPException 400."""
        value = self.form.get(name, "")
        if isinstance(value, UploadFile) or len(value) > limit:
            raise HTTPException(400, f"{name} is too long: at most {limit} letters")
        return value.strip()

    def query(self, name: str, limit: int = 500) -> str:
        """A parameter of the address; empty if it is not there."""
        return self.request.query_params.get(name, "").strip()[:limit]


Handler = Callable[[Visit], Awaitable[Response]]


class Web:
    """Shared by all pages. ``nav`` is in the order of the menu; rooms add to it when they make their routes."""

    def __init__(self, accounts: Accounts, audit: AuditLog) -> None:
        self.accounts = accounts
        self.audit = audit
        self.nav: list[NavItem] = []
        self._flashes: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters["moment"] = lambda iso: str(iso)[:16].replace("T", " ")

    # ── routes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, path: str, handler: Handler, needs: Permission | None) -> Route:
        """A page. ``needs`` None: everybody who is signed in."""

        async def run(request: Request) -> Response:
            session = await self.session_of(request)
            if session is None:
                return self._to_sign_in(request)
            visit = Visit(request, session)
            if needs is not None and not visit.may(needs):
                return self.error(visit, 403, _forbidden(needs))
            try:
                return await handler(visit)
            except CallwrightError as error:
                return self.error(visit, status_of(error), told(error))

        return Route(path, run, methods=["GET"])

    def post(
        self, path: str, handler: Handler, needs: Permission | None, *, home: str, max_bytes: int = MAX_FORM
    ) -> Route:
        """A form's target. An error is shown as a message on ``home``, the page to go back to."""

        async def run(request: Request) -> Response:
            session = await self.session_of(request)
            if session is None:
                return self._to_sign_in(request)
            visit = Visit(request, session)
            if needs is not None and not visit.may(needs):
                return self.error(visit, 403, _forbidden(needs))
            if (length := _length(request)) is None:
                return self.error(visit, 411, "the browser did not say how long the form is")
            if length > max_bytes:
                return self.error(
                    visit,
                    413,
                    f"Nothing was taken: that is {length / 1048576:.1f} MiB, the limit is {max_bytes // 1048576} MiB. "
                    "Send fewer at once, or split what is too large.",
                )
            async with request.form(max_files=20, max_fields=200, max_part_size=MAX_FORM) as form:
                given = str(form.get("csrf", "")) or request.headers.get("x-csrf-token", "")
                if not hmac.compare_digest(given.encode(), session.csrf.encode()):
                    return self.error(visit, 403, "this form is too old or was not ours: load the page again")
                try:
                    return await handler(Visit(request, session, form))
                except MediaProcessSilent as error:
                    return self.error(visit, status_of(error), str(error))
                except CallwrightError as error:
                    return self.back(visit, home, told(error), kind="error")

        return Route(path, run, methods=["POST"])

    async def session_of(self, request: HTTPConnection) -> Session | None:
        """Who sends this cookie."""
        secret = request.cookies.get(COOKIE, "")
        return await run_in_threadpool(self.accounts.session, secret) if 20 < len(secret) < 100 else None

    async def note(self, visit: Visit, action: str, what: str = "", call_id: str = "-") -> None:
        """Write down that this person does this, before it is done. Raises RecordError: then it must not be done."""
        await run_in_threadpool(self.audit.note, visit.by, action, what, call_id=call_id)

    # ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────

    def page(self, visit: Visit, template: str, status: int = 200, **known: Any) -> Response:
        """A template with the frame around it."""
        nav = [one for one in self.nav if visit.may(one.needs)]
        frame = {
            "nav": nav,
            "here": visit.request.url.path,
            "account": visit.account,
            "flashes": self._flashes.pop(visit.session.digest, []),
        }
        return self.part(visit, template, status, **frame, **known)

    def part(self, visit: Visit, template: str, status: int = 200, **known: Any) -> Response:
        """A template without the frame, for htmx to put into a page; messages wait for the next page."""
        own = {"csrf": visit.session.csrf, "may": lambda name: visit.may(Permission(name))}
        return HTMLResponse(self.templates.get_template(template).render(**own, **known), status)

    def bare(self, template: str, status: int = 200, **known: Any) -> Response:
        """A page for somebody who is not signed in."""
        frame: Mapping[str, Any] = {"nav": (), "here": "", "account": None, "csrf": "", "flashes": ()}
        return HTMLResponse(self.templates.get_template(template).render(**frame, **known), status)

    def error(self, visit: Visit | None, status: int, text: str) -> Response:
        """A page that says what is wrong."""
        if visit is None:
            return self.bare("error.html", status, code=status, text=text, again="")
        again = str(visit.request.url.path) if status == 503 and visit.request.method == "GET" else ""
        return self.page(visit, "error.html", status, code=status, text=text, again=again)

    def back(self, visit: Visit, path: str, said: str = "", *, kind: str = "done") -> Response:
        """Go to a page of ours and show a message there; ``kind``: done, error, info."""
        if said:
            self.say(visit, said, kind=kind)
        return RedirectResponse(path, 303)

    def say(self, visit: Visit, said: str, *, kind: str = "done") -> None:
        """A message for this person's next page."""
        waiting = self._flashes.setdefault(visit.session.digest, [])
        waiting.append((kind, said))
        del waiting[:-_SHOWN]
        while len(self._flashes) > _FLASHES:
            self._flashes.popitem(last=False)

    def _to_sign_in(self, request: Request) -> Response:
        target = request.url.path if request.method == "GET" else "/"
        if request.method == "GET" and request.url.query:
            target += f"?{request.url.query}"
        path = f"{SIGN_IN}?to={quote(target)}"
        if request.headers.get("hx-request"):  # htmx would put the sign-in form into a part of the page
            return Response(status_code=401, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)


def status_of(error: CallwrightError) -> int:
    """The HTTP status that says what kind of trouble it is."""
    if isinstance(error, CallUnknown | DocumentUnknown | ReleaseUnknown):
        return 404
    return 503 if isinstance(error, MediaProcessSilent | RecordError) else 400


def told(error: CallwrightError) -> str:
    """What went wrong, for whoever sits at the page."""
    text = str(error)
    if isinstance(error, RecordError) and any(one in text for one in _LOCKED):
        return "Nothing was changed: something else holds the record's database just now. Try again in a moment."
    if isinstance(error, WorkerDied):
        return "Its process was started anew in the middle of this. Look whether it was done; if not, do it once more."
    return text


def first_allowed(nav: Sequence[NavItem], account: Account) -> str:
    """Where somebody begins."""
    return next((one.path for one in nav if one.needs in account.permissions), "/account")


def _length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() and len(text) < 16 else None


def _forbidden(needs: Permission) -> str:
    return f"your roles do not include this ({needs}); ask whoever keeps the accounts (`callwright users role`)"
