"""A small OpenID Connect provider in the test's process: discovery, keys, a code for whoever comes, signed ID tokens.

What it tells can be bent: ``claims`` over the right ones, ``key`` and ``header`` over its own.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "callwright", "the secret of the client"


def new_key(kid: str) -> ECKey:
    """To sign with."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


class OidcProvider:
    """``served`` makes one that answers."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.issuer = f"http://{host}:{port}/realms/desk"
        self.calls_itself = self.issuer
        self.person: dict[str, Any] = {
            "sub": "u-1", "preferred_username": "Ana", "groups": ["desk-supervisors", "staff"],
        }  # fmt: skip
        self.claims: dict[str, Any] = {}
        self.keys = [new_key("one")]
        self.key: Any = self.keys[0]
        self.header: dict[str, Any] = {}
        self.tokens = 0
        self._codes: dict[str, dict[str, str]] = {}
        at = "/realms/desk"
        self.app = Starlette(
            routes=[
                Route(f"{at}/.well-known/openid-configuration", self.about),
                Route(f"{at}/authorize", self.authorize),
                Route(f"{at}/token", self.token, methods=["POST"]),
                Route(f"{at}/keys", self.key_set),
            ]
        )

    async def about(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.calls_itself,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "end_session_endpoint": f"{self.issuer}/logout",
            }
        )

    async def key_set(self, request: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def authorize(self, request: Request) -> Response:
        """Whoever comes is ``person``, who signs in at once."""
        asked = dict(request.query_params)
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request: Request) -> Response:
        """A code counts once, with the secret and the verifier of the challenge."""
        form = await request.form()
        given = base64.b64decode(request.headers.get("authorization", "Basic ").partition(" ")[2]).decode()
        asked = self._codes.pop(str(form.get("code")), None)
        if given != f"{CLIENT}:{SECRET}".replace(" ", "+") and given != f"{CLIENT}:{SECRET}":
            return JSONResponse({"error": "invalid_client"}, 401)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        right = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        claims = {**right, **self.person, **self.claims}
        header = {"alg": "ES256", "kid": "one", **self.header}
        signed = jwt.encode(
            header, {name: value for name, value in claims.items() if value is not None}, self.key, [header["alg"]]
        )
        self.tokens += 1
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})


@asynccontextmanager
async def serving(server: uvicorn.Server, listener: socket.socket) -> AsyncIterator[None]:
    """A server in this loop, which takes no signals."""
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        await server.shutdown(sockets=[listener])


@asynccontextmanager
async def served(host: str = "127.0.0.1") -> AsyncIterator[OidcProvider]:
    """One that answers on this machine. ``localhost``: to a browser that is another site than 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = OidcProvider(int(listener.getsockname()[1]), host)
        async with serving(uvicorn.Server(uvicorn.Config(one.app, log_level="warning")), listener):
            yield one
