"""The pages while the record's server is away, and after it came back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from operations.verifying import faults
from tests.console.conftest import Somebody
from tests.postgres import Cluster


@pytest.mark.parametrize("people", ["postgres"], indirect=True)
async def test_pages_say_what_to_do_while_the_server_is_away_and_nobody_signs_in_anew(
    people: sa.Engine, somebody: Somebody, cluster: Cluster
) -> None:
    async with somebody("supervisor") as http:
        with cluster.away():
            page = await http.get("/history")
            assert (page.status_code, "no Postgres answers there: start it" in page.text) == (503, True)
            assert page.headers["content-type"].startswith("text/html")
            assert str(cluster.folder) not in page.text, "where it is concerns nobody who is not signed in"
            assert (await http.get("/v1/calls")).status_code == 503
            assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/history")).status_code == 200
    assert list(faults(people)) == []
