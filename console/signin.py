"""Signing in and out, one's own account, and who did what."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.accounts import AccountError
from console.limits import RateLimit
from console.oidc import Provider
from console.permissions import Permission
from console.settings import SignInSettings
from console.web import COOKIE, MAX_FORM, SIGN_IN, NavItem, Visit, Web, first_allowed

_FORM_COOKIE = "callwright-form"
NO_TLS = "Sign-in from other machines needs TLS: see docs/console.md."
LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


@dataclass(slots=True)
class SignIn:
    """The pages around a person's own account."""

    web: Web
    settings: SignInSettings
    provider: Provider | None = None
    _tries: RateLimit = field(init=False)
    _hashing: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._tries = RateLimit(self.settings.tries, self.settings.window_s)
        self._hashing = asyncio.Semaphore(1)  # a hash takes a core and 64 MiB; calls need both
        self.web.nav.append(NavItem("/audit", "Audit", Permission.AUDIT_READ))

    def routes(self) -> list[Route]:
        """Their addresses."""
        web = self.web
        return [
            Route("/", self.start, methods=["GET"]),
            Route(SIGN_IN, self.form, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            web.post("/sign-out", self.sign_out, None, home="/"),
            web.get("/account", self.account, None),
            web.post("/account/password", self.password, None, home="/account"),
            web.get("/audit", self.audit, Permission.AUDIT_READ),
        ]

    async def start(self, request: Request) -> Response:
        """The first page that one may see."""
        session = await self.web.session_of(request)
        return RedirectResponse(first_allowed(self.web.nav, session.account) if session else SIGN_IN, 303)

    async def form(self, request: Request) -> Response:
        """Name and password."""
        return self._form(request, ours(request.query_params.get("to", "/")))

    async def sign_in(self, request: Request) -> Response:
        """A cookie for whoever knows the password; refused after too many wrong ones."""
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length[:12]) > MAX_FORM:
            return self.web.error(None, 413, "that is no sign-in form")
        async with request.form(max_files=0, max_fields=10, max_part_size=4096) as form:
            given = {name: str(form.get(name, "")) for name in ("name", "password", "to", "token")}
        name, to = given["name"].strip().lower()[:64], ours(given["to"])
        if not self.settings.local:
            return self._form(request, to, 403, "Accounts with a password are switched off here.")
        if not hmac.compare_digest(given["token"].encode(), request.cookies.get(_FORM_COOKIE, "-").encode()):
            return self._form(request, to, 403, "The form was too old. Please try again; cookies must be allowed.")
        address = address_of(request)
        if lacks_tls(request, self.settings):
            return self._form(request, to, 403, NO_TLS)
        now = time.monotonic()
        wait_s = max(self._tries.wait_s(key, now) for key in (f"name {name}", f"from {address}"))
        if wait_s > 0:
            said = f"Too many wrong passwords. Please wait {int(wait_s / 60) + 1} min."
            return self._form(request, to, 429, said, {"Retry-After": str(int(wait_s) + 1)})
        for key in (f"name {name}", f"from {address}"):
            self._tries.use(key, now)
        async with self._hashing:
            found = await run_in_threadpool(self.web.accounts.sign_in, name, given["password"])
        if found is None:
            await run_in_threadpool(self.web.audit.note, name or "-", "session.refused", f"from {address}")
            return self._form(request, to, 401, "Name and password do not belong together.")
        for key in (f"name {name}", f"from {address}"):
            self._tries.forget(key)
        secret, account = found
        target = to if to != "/" else first_allowed(self.web.nav, account)
        answer = RedirectResponse(target, 303)
        give_session(request, answer, secret)
        answer.delete_cookie(_FORM_COOKIE, path=SIGN_IN)
        return answer

    async def sign_out(self, visit: Visit) -> Response:
        """End the session, here and in the table; whom a provider signed in may end the one there too."""
        await run_in_threadpool(self.web.accounts.sign_out, visit.session)
        answer: Response = RedirectResponse(SIGN_IN, 303)
        if visit.account.issuer and self.provider is not None and (there := await self.provider.end_url()):
            answer = self.web.bare("signed_out.html", there=there, label=self.settings.oidc.label)
        answer.delete_cookie(COOKIE)
        return answer

    async def account(self, visit: Visit) -> Response:
        """Who one is and what one may do."""
        allowed = sorted(visit.account.permissions)
        return self.web.page(visit, "account.html", allowed=allowed, least=self.settings.least_password)

    async def password(self, visit: Visit) -> Response:
        """Another password; one signs in anew with it."""
        if visit.account.issuer:
            raise AccountError(f"you sign in at {visit.account.issuer}: your password is changed there")
        now, key = time.monotonic(), f"name {visit.by}"
        if self._tries.wait_s(key, now) > 0:
            raise AccountError("too many wrong passwords; please wait some minutes")
        self._tries.use(key, now)
        async with self._hashing:
            right = await run_in_threadpool(self.web.accounts.is_password, visit.by, visit.field("old"))
            if not right:
                raise AccountError("the present password is another one")
            if visit.field("new") != visit.field("again"):
                raise AccountError("the two new passwords differ")
            await run_in_threadpool(lambda: self.web.accounts.set_password(visit.by, visit.field("new"), by=visit.by))
        self._tries.forget(key)
        return RedirectResponse(SIGN_IN, 303)

    async def audit(self, visit: Visit) -> Response:
        """Who did what."""
        await self.web.note(visit, "audit.view")
        rows = await run_in_threadpool(self.web.audit.latest)
        return self.web.page(visit, "audit.html", rows=rows)

    def _form(
        self, request: Request, to: str, status: int = 200, said: str = "", headers: dict[str, str] | None = None
    ) -> Response:
        token = request.cookies.get(_FORM_COOKIE, "")
        if not 20 < len(token) < 100:
            token = secrets.token_urlsafe(32)
        label = self.settings.oidc.label if self.provider is not None else ""
        answer = self.web.bare(
            "signin.html", status, to=to, said=said, token=token, local=self.settings.local, label=label
        )
        answer.headers.update(headers or {})
        answer.set_cookie(
            _FORM_COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https", path=SIGN_IN
        )
        return answer


def address_of(request: Request) -> str:
    """Who asks."""
    return request.client.host if request.client else ""


def lacks_tls(request: Request, settings: SignInSettings) -> bool:
    """Does somebody sign in from another machine for everybody in between to read?"""
    return address_of(request) not in LOOPBACK and request.url.scheme != "https" and not settings.plain_http


def give_session(request: Request, answer: Response, secret: str) -> None:
    """The cookie of a session."""
    answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict", secure=request.url.scheme == "https")


def ours(path: str) -> str:
    """A path of this site: never another host (``//evil``), never the sign-in page again."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\", SIGN_IN)) and path.isprintable()
    return path[:500] if fine else "/"
