"""A caller by SIP and a supervisor in a real browser, with a microphone that plays a file: who hears whom is proved by
correlating what each of them recorded with what the other said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contracts.events import EventKind
from scripts.peers.compare import match
from telephony.lines import read_wav
from tests.console.chromium import By, complaints, enter, keep, see
from tests.console.desk import (
    SOUND,
    Phone,
    browser,
    caller,
    heard_by_caller,
    house,
    kept,
    more,
    phone,
    press,
    role,
    speech,
)
from tests.console.house import House, until

__all__ = ["house", "phone"]
pytestmark = SOUND


def test_each_hears_the_other_and_nobody_is_left_alone(house: House, phone: Phone, tmp_path: Path) -> None:
    mine = speech(
        tmp_path / "mine.wav", "Is the blue bicycle still standing in your shop window?", "en+f3", pause_s=2.0
    )
    theirs = speech(tmp_path / "theirs.wav", "Good morning, seven yellow boats wait in the harbour.", "en+m3")
    record = tmp_path / "call.wav"
    with browser(tmp_path, theirs) as chrome, caller(phone, mine, record):
        enter(chrome, house, "supervisor")
        chrome.get(f"{house.url}/calls/{phone.call_id}")
        press(chrome, "Listen")
        role(chrome, "listen")
        more(chrome, 5.5)
        alone = len(kept(chrome))
        press(chrome, "Take over")
        role(chrome, "person")
        more(chrome, 5.5)
        heard = kept(chrome)
        see(chrome, "The caller is yours")
        keep(chrome, "desk")
        press(chrome, "Give back")
        role(chrome, "listen")
        until(lambda: "You're back with the automated assistant" in phone.said())
        press(chrome, "Take over")
        role(chrome, "person")
        assert complaints(chrome) == []
        chrome.get("about:blank")
        until(lambda: "I'm sorry, we lost my colleague." in phone.said())
    assert phone.acts() == ["listens", "takes over", "gives back", "takes over", "is cut off"]
    assert match(heard[:alone], read_wav(mine)) > 0.8, "who listens hears the caller"
    assert match(heard[alone:], read_wav(mine)) > 0.9, "who has taken over hears the caller alone"
    back = heard_by_caller(record)
    # The browser takes echo and noise out of a microphone: its sound is not quite what the file holds.
    assert match(back, read_wav(theirs)) > 0.65, "the caller hears the supervisor"
    assert match(back, read_wav(mine)) < 0.5, "and not themselves"


def test_the_call_button_is_a_call_to_the_operator(house: House, phone: Phone, tmp_path: Path) -> None:
    theirs = speech(
        tmp_path / "theirs.wav", "Good morning, seven yellow boats wait in the harbour.", "en+m3", pause_s=1.0
    )
    with browser(tmp_path, theirs) as chrome:
        enter(chrome, house, "agent")
        chrome.find_element(By.LINK_TEXT, "Call").click()
        press(chrome, "Call")
        see(chrome, "You are through.")
        more(chrome, 5.5)
        press(chrome, "0")
        keep(chrome, "phone")
        until(lambda: phone.talk is not None and bool(phone.talk.record.bodies(EventKind.ESCALATION_RAISED)))
        heard = kept(chrome)
        press(chrome, "Hang up")
        see(chrome, "You have hung up.")
        until(lambda: not phone.call_id)
        assert complaints(chrome) == []
    assert match(bytes(phone.said_to_us), read_wav(theirs)) > 0.65
    loud = np.abs(np.frombuffer(heard, "<i2").astype(int)) > 100
    assert loud.mean() > 0.02, "the disclosure was heard"
    assert phone.talk is not None
    started = phone.talk.record.bodies(EventKind.CALL_STARTED)[0]
    assert (started["kind"], started["caller"]) == ("browser", "browser:agent")
