"""Signing in at a provider: whom it vouches for, and everything that is no such word."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from joserfc.jwk import OctKey
from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette

from console.accounts import AccountError, Accounts
from console.api import make_api
from console.oidc import Begun, OidcRefused, Provider, claim_at
from console.oidcpages import OidcPages
from console.permissions import Role
from console.settings import ConsoleSettings, OidcSettings, SignInSettings
from console.start import ConsoleStart
from console.web import Web
from operations.audit import AuditLog
from operations.database import migrate, open_database
from operations.tables import accounts as table
from operations.verifying import faults
from tests.console.conftest import PASSWORD, SETTINGS, csrf_of, sign_in
from tests.console.oidc_provider import CLIENT, SECRET, OidcProvider, new_key, served

BASE = "http://127.0.0.1:8080"
ROLES = {"desk-supervisors": Role.SUPERVISOR, "desk-auditors": Role.AUDITOR}


@pytest.fixture
async def provider() -> AsyncIterator[OidcProvider]:
    """One that answers."""
    async with served() as one:
        yield one


@pytest.fixture
def people(tmp_path: Path) -> sa.Engine:
    """A record with one account that has a password here."""
    engine = open_database("sqlite:///record.db", tmp_path)
    migrate(engine)
    Accounts(engine, SETTINGS.sign_in).add("maria", PASSWORD, [Role.EDITOR], by="test")
    return engine


def trusting(provider: OidcProvider, **more: Any) -> OidcSettings:
    """Settings with it."""
    given = {
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "public_url": BASE,
        "roles": ROLES,
    }
    return OidcSettings.model_validate({**given, "label": "Acme", **more})


@asynccontextmanager
async def at_desk(
    people: sa.Engine, home: Path, oidc: OidcSettings, *, local: bool = True, app: Starlette | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a console that trusts the provider."""
    settings = SETTINGS.sign_in.model_copy(update={"oidc": oidc, "local": local})
    api = app or make_api(SETTINGS.model_copy(update={"sign_in": settings}), people, home / "control.sock")
    transport = httpx.ASGITransport(api, client=("127.0.0.1", 1234))
    async with httpx.AsyncClient(
        transport=transport, base_url=BASE, headers={"accept": "text/html"}, follow_redirects=True
    ) as http:
        yield http


async def there(http: httpx.AsyncClient, to: str = "/") -> str:
    """Begin, and sign in at the provider: the address that it sends the browser back to."""
    went = await http.get("/sign-in/oidc", params={"to": to}, follow_redirects=False)
    assert went.status_code == 303, went.text
    async with httpx.AsyncClient(trust_env=False) as browser:
        return (await browser.get(went.headers["location"])).headers["location"]


async def signs_in(http: httpx.AsyncClient, to: str = "/") -> httpx.Response:
    """All the way."""
    return await http.get(await there(http, to))


async def test_whom_the_provider_vouches_for_has_the_mapped_roles_and_a_session_like_others(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        assert "Sign in with Acme" in (await http.get("/sign-in")).text
        answer = await signs_in(http, to="/account?x=1")
        assert 'content="0;url=/account?x=1"' in answer.text
        cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("callwright="))
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        page = (await http.get("/account")).text
        assert "<h1>ana</h1>" in page
        assert '<span class="tag">supervisor</span>' in page
        assert "staff" not in page
        assert f"You sign in at <code>{provider.issuer}</code>" in page
        form = {"csrf": csrf_of(page), "old": "", "new": PASSWORD, "again": PASSWORD}
        assert "your password is changed there" in (await http.post("/account/password", data=form)).text
        assert (await http.get("/audit")).status_code == 403
    assert list(faults(people)) == []
    noted = [(one["by"], one["action"]) for one in AuditLog(people).latest(2)]
    assert noted == [("ana", "session.begin"), ("oidc ana", "account.add")]


async def test_signing_out_ends_it_here_and_leads_to_the_provider(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        await signs_in(http)
        cookies = dict(http.cookies)
        page = (await http.post("/sign-out", data={"csrf": csrf_of((await http.get("/account")).text)})).text
        assert f'href="{provider.issuer}/logout?client_id={CLIENT}&amp;post_logout_redirect_uri=' in page
        http.cookies.update(cookies)
        assert (await http.get("/account")).url.path == "/sign-in"


def _other_key(one: OidcProvider) -> None:
    one.key = new_key("one")


def _unknown_kid(one: OidcProvider) -> None:
    one.key, one.header = new_key("two"), {"kid": "two"}


def _shared_secret(one: OidcProvider) -> None:
    one.key, one.header = OctKey.import_key(SECRET * 2, {"kid": "one"}), {"alg": "HS256"}


def _bent(**claims: object) -> Callable[[OidcProvider], None]:
    return lambda one: one.claims.update(claims)


@pytest.mark.parametrize(
    ("bend", "says"),
    [
        (_bent(nonce="another"), "another sign-in (nonce)"),
        (_bent(nonce=None), "another sign-in (nonce)"),
        (_bent(aud="another-client"), "does not hold for this console"),
        (_bent(aud=[CLIENT, "another-client"]), "for several clients"),
        (_bent(iss="https://evil.example"), "does not hold for this console"),
        (_bent(exp=int(time.time()) - 3600), "expired_token"),
        (_bent(exp=None), "missing_claim"),
        (_bent(iat=int(time.time()) + 3600), "issued in the future"),
        (_bent(sub=""), "sub"),
        (_bent(groups=["staff"]), "You have no role here"),
        (_bent(groups=None), "You have no role here"),
        (_bent(groups="engineer"), "none of desk-auditors, desk-supervisors"),
        (_bent(preferred_username=None), "no claim &#39;preferred_username&#39;"),
        (_bent(preferred_username="Ana B"), "is none here"),
        (_bent(preferred_username="maria"), "is another account&#39;s here"),
        (_other_key, "No key of the provider signed"),
        (_unknown_kid, "No key of the provider signed"),
        (_shared_secret, "No key of the provider signed"),
    ],
)
async def test_a_token_that_is_not_right_in_every_point_signs_nobody_in(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider, bend: Callable[[OidcProvider], None], says: str
) -> None:
    bend(provider)
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        answer = await signs_in(http)
        assert provider.tokens == 1
        assert answer.status_code == 403
        assert says in answer.text
        assert "callwright=" not in "".join(answer.headers.get_list("set-cookie"))
        assert (await http.get("/account")).url.path == "/sign-in"
    assert AuditLog(people).latest(1)[0]["action"] == "session.refused"
    with people.connect() as connection:
        assert connection.execute(sa.select(table).where(table.c.issuer.is_not(None))).all() == []


async def test_a_state_counts_once_and_in_the_browser_that_began(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        back = await there(http)
        mine = dict(http.cookies)
        http.cookies.clear()
        assert "began in another browser" in (await http.get(back)).text
        http.cookies.update(mine)
        assert "You are signed in as ana" in (await http.get(back)).text
        http.cookies.update(mine)
        assert "was used" in (await http.get(back)).text
        assert (await http.get("/sign-in/oidc/back?code=x&state=guessed")).status_code == 403
        refused = back.replace("code=", "error=access_denied&code=")
        assert "was used" in (await http.get(refused)).text
    assert provider.tokens == 1


async def test_a_state_is_forgotten_after_ten_minutes(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    clock = [1000.0]
    settings = SignInSettings(oidc=trusting(provider), argon2_passes=1, argon2_memory_kib=64)
    web = Web(Accounts(people, settings), AuditLog(people))
    pages = OidcPages(web, settings, Provider(settings.oidc), lambda: clock[0])
    async with at_desk(people, tmp_path, settings.oidc, app=Starlette(routes=pages.routes())) as http:
        late, in_time = await there(http), await there(http)
        assert "another browser" in (await http.get(late)).text, "the cookie is of the second"
        clock[0] += 599
        assert "You are signed in" in (await http.get(in_time)).text
        back = await there(http)
        clock[0] += 601
        assert "too old" in (await http.get(back)).text


async def test_who_cancels_at_the_provider_is_told_what_to_do(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        state = parse_qs(urlsplit(await there(http)).query)["state"][0]
        answer = await http.get("/sign-in/oidc/back", params={"error": "access_denied", "state": state})
        assert "did not sign you in (access_denied)" in answer.text
        state = parse_qs(urlsplit(await there(http)).query)["state"][0]
        answer = await http.get(
            "/sign-in/oidc/back", params={"code": "x", "state": state, "iss": "https://evil.example"}
        )
        assert "another provider" in answer.text
        state = parse_qs(urlsplit(await there(http)).query)["state"][0]
        answer = await http.get("/sign-in/oidc/back", params={"code": "made up", "state": state})
        assert "status 400 (invalid_grant)" in answer.text


async def test_roles_follow_the_provider_and_old_sessions_end_with_them(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    async with (
        at_desk(people, tmp_path, trusting(provider)) as http,
        at_desk(people, tmp_path, trusting(provider)) as two,
    ):
        await signs_in(http)
        provider.claims = {"groups": ["desk-auditors"], "preferred_username": "renamed"}
        await signs_in(two)
        page = (await two.get("/account")).text
        assert "<h1>ana</h1>" in page, "who it is says the subject, not the name"
        assert '<span class="tag">auditor</span>' in page
        assert (await http.get("/account")).url.path == "/sign-in"
        accounts = Accounts(people, SETTINGS.sign_in)
        with pytest.raises(AccountError, match="changed there"):
            accounts.set_roles("ana", [Role.ENGINEER], by="test")
        with pytest.raises(AccountError, match="changed there"):
            accounts.set_password("ana", PASSWORD, by="test")
        assert accounts.sign_in("ana", "") is None
        accounts.remove("ana", by="test")
        assert "was removed here" in (await signs_in(two)).text
    assert list(faults(people)) == []


async def test_an_account_with_a_password_becomes_the_providers_only_once_it_was_removed(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    provider.person["preferred_username"] = "maria"
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        assert "callwright users remove maria" in (await signs_in(http)).text
        Accounts(people, SETTINGS.sign_in).remove("maria", by="test")
        assert "You are signed in as maria" in (await signs_in(http)).text
        assert (await sign_in(http, "maria")).status_code == 401
    assert list(faults(people)) == []


async def test_with_local_accounts_off_no_password_and_no_old_session_opens_anything(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        assert (await sign_in(http, "maria")).status_code == 303
        cookies = dict(http.cookies)
    async with at_desk(people, tmp_path, trusting(provider), local=False) as http:
        http.cookies.update(cookies)
        page = await http.get("/account")
        assert page.url.path == "/sign-in"
        assert "Password" not in page.text
        form = {"name": "maria", "password": PASSWORD, "token": http.cookies["callwright-form"]}
        assert "switched off" in (await http.post("/sign-in", data=form)).text
        http.cookies.clear()
        assert "You are signed in" in (await signs_in(http)).text
        cookies = dict(http.cookies)
    async with at_desk(people, tmp_path, OidcSettings()) as http:
        http.cookies.update(cookies)
        assert (await http.get("/account")).url.path == "/sign-in", "nor the provider's once it is not trusted"
        assert (await http.get("/sign-in/oidc")).status_code == 404


async def test_another_machine_needs_tls(people: sa.Engine, tmp_path: Path, provider: OidcProvider) -> None:
    api = make_api(
        ConsoleSettings(sign_in=SignInSettings(oidc=trusting(provider), argon2_passes=1, argon2_memory_kib=64)),
        people, tmp_path / "control.sock",
    )  # fmt: skip
    transport = httpx.ASGITransport(api, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as http:
        assert (await http.get("/sign-in/oidc")).status_code == 403
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as http:
        answer = await http.get("/sign-in/oidc")
        assert answer.status_code == 303
        assert "Secure" in answer.headers["set-cookie"]


async def test_a_provider_that_is_wrong_or_away_is_said_to_be(
    people: sa.Engine, tmp_path: Path, provider: OidcProvider
) -> None:
    provider.calls_itself = "http://127.0.0.1/realms/other"
    async with at_desk(people, tmp_path, trusting(provider)) as http:
        assert "console.sign_in.oidc.issuer" in (await http.get("/sign-in/oidc")).text
    away = trusting(provider).model_copy(update={"issuer": "http://127.0.0.1:9/realms/desk"})
    async with at_desk(people, tmp_path, away) as http:
        answer = await http.get("/sign-in/oidc")
        assert (answer.status_code, "does not answer" in answer.text) == (502, True)
    lost = trusting(provider).model_copy(update={"issuer": f"{provider.issuer}/nothing"})
    async with at_desk(people, tmp_path, lost) as http:
        assert "status 404" in (await http.get("/sign-in/oidc")).text
    provider.calls_itself = provider.issuer
    wrong = trusting(provider, client_secret="another secret")
    async with at_desk(people, tmp_path, wrong) as http:
        assert "status 401 (invalid_client)" in (await signs_in(http)).text


async def test_a_key_that_is_new_at_the_provider_is_fetched_and_strange_ones_are_not_asked_for_again_and_again(
    provider: OidcProvider,
) -> None:
    clock = [time.time()]
    ours = Provider(trusting(provider), lambda: clock[0])

    async def once() -> str:
        begun = Begun("/")
        async with httpx.AsyncClient(trust_env=False) as browser:
            back = (await browser.get(await ours.begin_url(begun))).headers["location"]
        return (await ours.redeem(parse_qs(urlsplit(back).query)["code"][0], begun)).name

    assert await once() == "ana"
    provider.keys = [new_key("two")]
    provider.key, provider.header = provider.keys[0], {"kid": "two"}
    with pytest.raises(OidcRefused, match="no key of the provider"):
        await once()
    clock[0] += 11
    assert await once() == "ana"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"issuer": "http://id.example"}, "issuer must begin with https"),
        ({"public_url": "desk.example"}, "public_url must begin with https"),
        ({"client_id": ""}, "client_id is missing"),
        ({"roles": {}}, "nobody could sign in"),
        ({"roles": {"all": "emperor"}}, "supervisor"),
        ({"algorithms": ["none"]}, "RS256"),
        ({"algorithms": ["HS256"]}, "RS256"),
        ({"client_secret": "**********"}, "masked secret"),
    ],
)
def test_settings_that_could_not_work_or_not_safely_are_refused(wrong: dict[str, Any], says: str) -> None:
    right = {"issuer": "https://id.example", "client_id": "c", "public_url": "https://desk.example", "roles": ROLES}
    assert OidcSettings.model_validate(right).redirect_uri == "https://desk.example/sign-in/oidc/back"
    with pytest.raises(ValidationError, match=says):
        OidcSettings.model_validate({**right, **wrong})


def test_nobody_could_sign_in_is_refused_and_the_secret_reaches_the_consoles_process(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="nobody could sign in"):
        SignInSettings(local=False)
    oidc = OidcSettings(
        issuer="https://id.example", client_id="c", public_url="https://desk.example", roles=ROLES,
        client_secret=SecretStr("s3cret"),
    )  # fmt: skip
    start = ConsoleStart(home=tmp_path, settings=ConsoleSettings(sign_in=SignInSettings(oidc=oidc)))
    again = ConsoleStart.model_validate_json(next(iter(start.environment().values())))
    assert again.settings.sign_in.oidc == oidc
    assert "s3cret" not in repr(again)


def test_a_claim_is_found_by_its_name_or_its_path() -> None:
    claims = {"realm_access": {"roles": ["a"]}, "https://acme.example/roles": ["b"], "groups": "c"}
    found = [claim_at(claims, path) for path in ("realm_access.roles", "https://acme.example/roles", "groups", "x.y")]
    assert found == [["a"], ["b"], "c", None]
