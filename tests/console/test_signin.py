"""Who gets in, who stays out, and what a form must bring."""

from __future__ import annotations

import httpx
import pytest
import sqlalchemy as sa

from operations.audit import AuditLog
from operations.changes import CHAIN
from operations.tables import accounts, sessions
from tests.console.conftest import PASSWORD, Somebody, csrf_of, sign_in
from tests.operations.kit import length_of


async def test_a_page_asks_to_sign_in_and_then_shows_itself(somebody: Somebody) -> None:
    async with somebody() as http:
        asked = await http.get("/account")
        assert asked.url.path == "/sign-in"
        answer = await sign_in(http, "editor", to="/account")
        assert answer.headers["location"] == "/account"
        cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("callwright="))
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert "<h1>editor</h1>" in (await http.get("/account")).text


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_never_leads_to_another_site(somebody: Somebody, to: str) -> None:
    async with somebody() as http:
        location = (await sign_in(http, "editor", to=to)).headers["location"]
        assert "evil" not in location
        assert "alert" not in location


async def test_wrong_passwords_and_unknown_names_look_the_same_and_are_noted(
    somebody: Somebody, people: sa.Engine
) -> None:
    async with somebody() as http:
        wrong = await sign_in(http, "editor", "not the password")
        unknown = await sign_in(http, "nobody", "not the password")
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert "do not belong together" in wrong.text
        assert "do not belong together" in unknown.text
    noted = [(one["by"], one["action"]) for one in AuditLog(people).latest(2)]
    assert noted == [("nobody", "session.refused"), ("editor", "session.refused")]


async def test_after_three_wrong_passwords_the_right_one_has_to_wait(somebody: Somebody) -> None:
    async with somebody() as http:
        for _ in range(3):
            await sign_in(http, "editor", "wrong wrong wrong")
        refused = await sign_in(http, "editor")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 1


async def test_a_sign_in_form_without_its_token_is_refused(somebody: Somebody) -> None:
    async with somebody() as http:
        answer = await http.post("/sign-in", data={"name": "editor", "password": PASSWORD, "token": "x"})
        assert answer.status_code == 403


async def test_another_machine_needs_tls(somebody: Somebody) -> None:
    async with somebody(peer="192.0.2.7", base="http://desk.example") as http:
        assert (await sign_in(http, "editor")).status_code == 403
    async with somebody(peer="192.0.2.7", base="https://desk.example") as http:
        answer = await sign_in(http, "editor")
        assert answer.status_code == 303
        assert "Secure" in "".join(answer.headers.get_list("set-cookie"))


async def test_a_form_without_the_sessions_token_changes_nothing(somebody: Somebody) -> None:
    async with somebody("editor") as http:
        given = {"old": PASSWORD, "new": "another long sentence", "again": "another long sentence"}
        for csrf in ("", "x" * 43):
            assert (await http.post("/account/password", data={**given, "csrf": csrf})).status_code == 403
        assert (await http.get("/account")).url.path == "/account"


async def test_a_new_password_ends_every_session(somebody: Somebody) -> None:
    async with somebody("editor") as http:
        csrf = csrf_of((await http.get("/account")).text)
        given = {"old": PASSWORD, "new": "another long sentence", "again": "another long sentence", "csrf": csrf}
        short = await http.post("/account/password", data={**given, "new": "short", "again": "short"})
        assert "12 to 256 letters" in short.text
        await http.post("/account/password", data=given)
        assert (await http.get("/account")).url.path == "/sign-in"
        assert (await sign_in(http, "editor", "another long sentence")).status_code == 303


async def test_signing_out_closes_the_session_on_the_server(somebody: Somebody) -> None:
    async with somebody("editor") as http:
        cookies = dict(http.cookies)
        await http.post("/sign-out", data={"csrf": csrf_of((await http.get("/account")).text)})
        http.cookies.update(cookies)
        assert (await http.get("/account")).url.path == "/sign-in"


async def test_the_audit_page_is_for_auditors_and_its_chain_holds(somebody: Somebody, people: sa.Engine) -> None:
    async with somebody("editor") as http:
        refused = await http.get("/audit")
        assert refused.status_code == 403
        assert "audit.read" in refused.text
    async with somebody("auditor") as http:
        assert "session.begin" in (await http.get("/audit")).text
    assert length_of(people, CHAIN) > 9


async def test_no_page_allows_foreign_or_inline_scripts(somebody: Somebody) -> None:
    async with somebody("auditor") as http:
        for path in ("/sign-in", "/account", "/audit", "/nothing", "/healthz"):
            answer = await http.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "<script>" not in answer.text
            assert "style=" not in answer.text


async def test_a_program_gets_json_and_a_person_a_page(somebody: Somebody) -> None:
    async with somebody() as http:
        assert "<h1>Not found</h1>" in (await http.get("/nothing")).text
        assert (await http.get("/nothing", headers={"accept": "*/*"})).json() == {"error": "Not Found"}


async def test_a_huge_form_is_not_read(somebody: Somebody) -> None:
    async with somebody("editor") as http:
        answer = await http.post("/account/password", content=b"x" * 300_000)
        assert answer.status_code == 413


async def test_the_database_holds_neither_passwords_nor_cookies(somebody: Somebody, people: sa.Engine) -> None:
    async with somebody("editor") as http:
        secret = http.cookies["callwright"]
    with people.connect() as connection:
        kept = str([*connection.execute(sa.select(accounts)), *connection.execute(sa.select(sessions))])
    assert "$argon2id$" in kept
    assert PASSWORD not in kept
    assert secret not in kept


async def test_what_a_person_sees_is_never_kept_by_a_cache(somebody: Somebody) -> None:
    async with somebody("auditor") as http:
        answer: httpx.Response = await http.get("/audit")
        assert answer.headers["cache-control"] == "no-store"
