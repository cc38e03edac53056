"""The owner's own SIP addresses stay readable; a caller's do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from escalation.addresses import know
from escalation.plan import Target, Trunk, addresses
from escalation.redact import redact


@pytest.fixture(autouse=True)
def ours() -> Iterator[None]:
    know(["sip:fraud@pbx.example:5080", "sip:+4930123456@trunk.example", "sip:*@desk.example", "sip:*@*", "person"])
    yield
    know([])


@pytest.mark.parametrize(
    "text",
    [
        "sip:200@10.0.0.1:5160 is busy",
        "sips:fraud@PBX.example;transport=tcp",
        "sip:+4930123456@trunk.example",
        "no answer at sip:ann.lee@desk.example.",
    ],
)
def test_places_of_the_settings_and_extensions_are_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("sip:alice@home.example", "sip:[email]"),
        ("fraud@pbx.example", "[email]"),  # an e-mail address
        ("sip:4111111111111111@pbx.example", "sip:[email]"),
    ],
)
def test_what_may_be_a_callers_is_taken_out(text: str, kept: str) -> None:
    assert redact(text) == kept


def test_every_place_of_a_plan_is_known() -> None:
    one, two = Target(target="sip:a@x.example"), Target(target="sip:b@x.example")
    assert addresses({"person": (one,)}, [Trunk(targets={"person": (two,)})]) == {one.target, two.target}
