"""A callback that is talked from the page of its ticket, by keyboard alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contracts.audio import SILENCE
from contracts.dialling import DialEnd
from tests.console.chromium import By, Keys, complaints, dressed, enter, keep, nameless, see
from tests.console.desk import SOUND, browser, more, role, speech
from tests.console.house import House, until
from tests.console.test_callback_called import called, promised
from tests.dialog.phones import Exchange

__all__ = ["called"]
pytestmark = SOUND


def test_whoever_took_it_calls_talks_and_closes_it(called: tuple[House, Exchange], tmp_path: Path) -> None:
    house, phones = called
    promised(house)
    theirs = speech(tmp_path / "theirs.wav", "Good morning, seven yellow boats wait in the harbour.", "en+m3")
    with browser(tmp_path, theirs) as chrome:
        enter(chrome, house, "agent")
        chrome.find_element(By.LINK_TEXT, "Callbacks").send_keys(Keys.ENTER)
        chrome.find_element(By.ID, "claim-3f2a91c0").send_keys(Keys.ENTER)
        see(chrome, "It is yours")
        chrome.find_element(By.ID, "talk-3f2a91c0").send_keys(Keys.ENTER)
        see(chrome, "Nobody is being called.")
        for scheme, width in (("light", 820), ("dark", 820), ("light", 360)):
            dressed(chrome, scheme, width)
            assert nameless(chrome) == []
            keep(chrome, f"callback-{width}-{scheme}")
        chrome.switch_to.active_element.send_keys(Keys.ENTER)  # the button has the keyboard
        role(chrome, "person")
        see(chrome, "They have answered")
        more(chrome, 3)
        keep(chrome, "callback")
        heard = np.frombuffer(b"".join(one for one in phones.phones[0].heard if one != SILENCE), "<i2")
        assert np.abs(heard.astype(int)).max() > 1000, "they hear who calls"
        chrome.find_element(By.CSS_SELECTOR, "[data-do=leave]").send_keys(Keys.ENTER)
        see(chrome, "Nobody is being called.")
        outcome = chrome.find_element(By.NAME, "outcome")
        assert outcome.get_attribute("value") == "reached"
        phones.ends = {"+15551234567": DialEnd.BUSY}
        chrome.find_element(By.CSS_SELECTOR, "[data-do=person]").send_keys(Keys.ENTER)
        see(chrome, "Nobody was reached (486 Busy Here).")
        until(lambda: outcome.get_attribute("value") == "not reached")
        chrome.find_element(By.ID, "close").send_keys(Keys.ENTER)
        see(chrome, "Closed.")
        assert complaints(chrome) == []
