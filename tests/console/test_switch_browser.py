"""The kill switch, a call's recording and a passage for the operator in a real browser: by keyboard, named for screen
readers, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.seats import Role
from contracts.switch import Scope
from telephony.wav import wav_header
from tests.console.chromium import (
    MARKS,
    PATIENCE_S,
    By,
    Chrome,
    Keys,
    WebDriverWait,
    chromium,
    complaints,
    dressed,
    enter,
    keep,
    nameless,
    see,
)
from tests.console.house import House
from tests.dialog.kit import Talk

pytestmark = MARKS
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1200, 360)]


@pytest.fixture
def chrome(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh browser."""
    with chromium(tmp_path) as driver:
        yield driver


def everywhere(chrome: Chrome, name: str) -> None:
    """What a screen reader finds, and pictures of how it looks."""
    assert nameless(chrome) == []
    for scheme, width in LOOKS:
        dressed(chrome, scheme, width)
        keep(chrome, f"{name}-{scheme}-{width}")
    dressed(chrome, "light", 1200)


def focused(chrome: Chrome) -> str:
    return str(chrome.switch_to.active_element.text)


def tab_to(chrome: Chrome, words: str) -> None:
    """By keyboard alone, from where it is."""
    for _ in range(60):
        chrome.switch_to.active_element.send_keys(Keys.TAB)
        if words in focused(chrome):
            return
    raise AssertionError(f"the keyboard never comes to {words!r}")


def test_the_operator_is_switched_off_and_on_by_keyboard(chrome: Chrome, house: House) -> None:
    enter(chrome, house, "engineer")
    tab_to(chrome, "Switch")
    chrome.switch_to.active_element.send_keys(Keys.ENTER)
    see(chrome, "Kill switch")
    tab_to(chrome, "Switch the whole operator off")
    chrome.switch_to.active_element.send_keys(Keys.ENTER, Keys.TAB, "wrong rates are told")
    everywhere(chrome, "switch")
    chrome.switch_to.active_element.send_keys(Keys.ENTER)
    see(chrome, "The operator is off from now on")
    assert house.switch.state.why_off(Scope.WHOLE) is not None
    see(chrome, "by engineer: wrong rates are told")
    everywhere(chrome, "switch-off")
    tab_to(chrome, "Switch the operator on")
    chrome.switch_to.active_element.send_keys(Keys.ENTER)
    see(chrome, "The operator is on from now on")
    assert house.switch.state.why_off(Scope.WHOLE) is None
    assert complaints(chrome) == []


def test_a_lines_time_plays_the_recording_from_there(chrome: Chrome, house: House) -> None:
    talk = house.ring()
    house.do(talk.ask("When are your branches open?"))
    house.do(talk.end())
    sound = np.random.default_rng(5).normal(0, 300, 2 * 8000 * 60).astype("<i2").tobytes()
    (house.home / "recordings").mkdir()
    (house.home / "recordings" / "call-live.wav").write_bytes(wav_header(len(sound) // 4, 8000) + sound)
    enter(chrome, house, "supervisor")
    chrome.get(f"{house.url}/calls/call-live")
    see(chrome, "When are your branches open?")
    everywhere(chrome, "playback")
    jumps = chrome.find_elements(By.CSS_SELECTOR, "button[data-jump]")
    jumps[-1].send_keys(Keys.ENTER)
    at = float(jumps[-1].get_attribute("data-jump") or 0)
    WebDriverWait(chrome, PATIENCE_S).until(
        lambda one: one.execute_script("return document.querySelector('#recording').currentTime") > at - 0.35
    )
    WebDriverWait(chrome, PATIENCE_S).until(lambda one: one.find_elements(By.CSS_SELECTOR, ".talk li[aria-current]"))
    keep(chrome, "playback-plays")
    assert complaints(chrome) == []


async def asked_by_hand(talk: Talk) -> None:
    """A person has the caller, who asks them something."""
    talk.session.byhand.join("supervisor", Role.PERSON, None, None)
    await talk.ask("What is my available balance?")


def test_a_passage_is_found_and_given_without_leaving_the_page(chrome: Chrome, house: House) -> None:
    talk = house.ring()
    enter(chrome, house, "supervisor")
    chrome.get(f"{house.url}/calls/call-live")
    chrome.execute_script("window.stayed = true")
    tab_to(chrome, "Give the operator a passage")
    chrome.switch_to.active_element.send_keys(Keys.ENTER, Keys.TAB, "what is my available balance", Keys.ENTER)
    see(chrome, "The available balance is what you can spend.")
    assert nameless(chrome) == []
    dressed(chrome, "light", 1200, 1100)
    keep(chrome, "passages")
    tab_to(chrome, "Answer from this")
    chrome.switch_to.active_element.send_keys(Keys.ENTER)
    see(chrome, "The caller's next question is answered from this passage.")
    chrome.find_element(By.NAME, "text").send_keys("Hill Street is closed.", Keys.ENTER)
    see(chrome, "The operator says it instead of its next answer.")
    assert chrome.find_element(By.NAME, "text").get_attribute("value") == ""
    assert chrome.execute_script("return window.stayed"), "whoever listens goes on listening"
    house.do(talk.quiet())
    house.do(asked_by_hand(talk))
    see(chrome, "Passages that may help")
    assert nameless(chrome) == []
    for scheme, width in LOOKS:
        dressed(chrome, scheme, width, 1500)
        keep(chrome, f"assist-{scheme}-{width}")
    house.do(talk.end())
    assert complaints(chrome) == []
