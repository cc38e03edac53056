"""The HTTP side: a JSON API for programs, and pages (``web``, ``signin``, …) for people.

==============================  ===========================================================
GET /healthz                    this process is alive
GET /readyz                     200 when models are warm and a call would be taken, else 503
GET /metrics                    Prometheus text of the media process
GET /v1/handoffs[/{call_id}]    hand-over records, by our call id or the external one
GET /v1/calls[/{call_id}]       calls of the record
everything else                 pages, behind sign-in
==============================  ===========================================================
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from console.accounts import Accounts
from console.audio import Audio
from console.callbacks import CallbackPages
from console.callers import CallerPages
from console.calls import Calls
from console.control import MediaProcessSilent, ask
from console.documents import Documents
from console.history import History
from console.inbox import Inbox
from console.library import Library
from console.oidc import Provider
from console.oidcpages import OidcPages
from console.phone import LOOPBACK_NAMES, Phone
from console.playback import Playback
from console.questions import Questions
from console.queue import QueuePages
from console.releases import Releases
from console.settings import ConsoleSettings
from console.signin import LOOPBACK, SignIn
from console.switch import SwitchPage
from console.web import HEADERS, STATIC, Web, told
from contracts.errors import CallUnknown, RecordError
from operations.audit import AuditLog
from operations.callerfile import Folders
from operations.cases import Cases
from operations.records import Records

MAX_ID = 256


def make_api(settings: ConsoleSettings, engine: sa.Engine, control: Path, folders: Folders | None = None) -> Starlette:
    """The application over a record, a control socket and, where they are not in its folder, the files of callers."""
    folders = folders or Folders.under(control.parent)
    api = _Api(settings, Records(engine), control)
    web = Web(Accounts(engine, settings.sign_in), AuditLog(engine))
    routes: list[BaseRoute] = [
        Route("/healthz", api.healthz),
        Route("/readyz", api.readyz),
        Route("/metrics", api.metrics),
        Route("/v1/handoffs", api.handoffs),
        Route("/v1/handoffs/{call_id}", api.handoff),
        Route("/v1/calls", api.calls),
        Route("/v1/calls/{call_id}", api.call),
        *pages(web, settings, engine, control, folders),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=api.guard)],
        exception_handlers={
            CallUnknown: _error(404),
            RecordError: _unavailable(web),
            MediaProcessSilent: _error(503),
            HTTPException: _http_error_of(web),
        },
    )


def pages(web: Web, settings: ConsoleSettings, engine: sa.Engine, control: Path, folders: Folders) -> list[BaseRoute]:
    """The pages of all rooms, in the order of the menu."""
    library = Library(control)
    provider = Provider(settings.sign_in.oidc) if settings.sign_in.oidc.issuer else None
    audio = Audio(web, settings, control)
    return [
        *Playback(web, Records(engine), folders.recordings).routes(),
        *Calls(web, Records(engine), settings, control, Cases(engine)).routes(),
        *audio.routes(),
        *QueuePages.over(web, engine, settings, control, audio).routes(),
        *Inbox.over(web, engine).routes(),
        *CallbackPages.over(web, engine, settings, control, audio).routes(),
        *History(web, Records(engine)).routes(),
        *CallerPages(web, engine, settings, control, folders).routes(),
        *Documents(web, library, settings).routes(),
        *Releases(web, library).routes(),
        *Questions(web, library, settings, engine, control).routes(),
        *SwitchPage(web, settings, control).routes(),
        *Phone(web, audio, settings).routes(),
        *SignIn(web, settings.sign_in, provider).routes(),
        *(OidcPages(web, settings.sign_in, provider).routes() if provider is not None else ()),
    ]


class _Api:
    def __init__(self, settings: ConsoleSettings, records: Records, control: Path) -> None:
        self._settings = settings
        self._records = records
        self._control = control

    async def guard(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Who may read the record: the bearer of the token, or, without one configured, this machine."""
        if request.url.path.startswith("/v1/") and not self._admitted(request):
            return _problem(401, "a bearer token is needed: console.token of the settings")
        response = await call_next(request)
        static = request.url.path.startswith("/static/")
        response.headers["Cache-Control"] = "no-cache" if static else "no-store"
        response.headers.update(HEADERS)
        return response

    def _admitted(self, request: Request) -> bool:
        token = self._settings.token.get_secret_value()
        if not token:
            # The Host check keeps a web page that rebinds its name to 127.0.0.1 from reading calls.
            local = request.client is not None and request.client.host in LOOPBACK
            return local and (request.url.hostname or "") in LOOPBACK_NAMES
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(self, request: Request) -> Response:
        answer = await ask(self._control, "ready", self._settings.control_timeout_s)
        ready = bool(answer.get("ready"))
        workers = [
            {"name": one["name"], "state": one["state"], "restarts": one["restarts"]} for one in answer["workers"]
        ]
        body = {
            "ready": ready,
            "active_calls": answer["active_calls"],
            "capacity": answer["capacity"],
            "workers": workers,
        }
        return JSONResponse(body, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        answer = await ask(self._control, "metrics", self._settings.control_timeout_s)
        return PlainTextResponse(answer["text"], media_type="text/plain; version=0.0.4; charset=utf-8")

    async def handoffs(self, request: Request) -> Response:
        records = await run_in_threadpool(self._records.list_handoffs, limit=_limit(request))
        return JSONResponse({"handoffs": [record.model_dump(mode="json") for record in records]})

    async def handoff(self, request: Request) -> Response:
        record = await run_in_threadpool(self._records.get_handoff, _call_id(request))
        return JSONResponse(record.model_dump(mode="json"))

    async def calls(self, request: Request) -> Response:
        rows = await run_in_threadpool(self._records.list_calls, limit=_limit(request))
        return JSONResponse({"calls": [_row(row) for row in rows]})

    async def call(self, request: Request) -> Response:
        record = await run_in_threadpool(self._records.get_call, _call_id(request))
        return JSONResponse(record.as_json())


def _call_id(request: Request) -> str:
    return str(request.path_params["call_id"])[:MAX_ID]


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "50")
    if not text.isdecimal() or not 1 <= int(text[:6]) <= 1000:
        raise HTTPException(400, "limit is a whole number from 1 to 1000")
    return int(text)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}


def _problem(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


def _error(status: int) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        return _problem(status, str(error))

    return answer


def _unavailable(web: Web) -> Callable[[Request, Exception], Response]:
    """The record cannot be asked, not even who is signed in."""

    def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, RecordError)
        return web.error(None, 503, told(error)) if _wants_page(request) else _problem(503, str(error))

    return answer


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


def _http_error_of(web: Web) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if _wants_page(request):
            return web.error(None, error.status_code, error.detail)
        return _problem(error.status_code, error.detail)

    return answer
