"""The queue in a real browser: ready, offered, taken, by clicks on what a person at the desk sees."""

from __future__ import annotations

from pathlib import Path

from tests.console.chromium import (
    MARKS,
    PATIENCE_S,
    By,
    StaleElementReferenceException,
    WebDriverWait,
    chromium,
    complaints,
    dressed,
    enter,
    keep,
    see,
)
from tests.console.house import House
from tests.dialog.kit import Talk

pytestmark = MARKS


async def wants_a_person(talk: Talk) -> None:
    await talk.ask("I want to talk to a person")


def test_whoever_is_ready_is_offered_the_caller_and_takes_them(house: House, tmp_path: Path) -> None:
    house.queued = True
    waiting = house.ring("call-first", caller="sip:+15550111@example.org", target="")
    with house.browser("supervisor") as supervisor, chromium(tmp_path) as chrome:
        supervisor.post("/queue/ready")
        house.do(wants_a_person(waiting))
        enter(chrome, house, "agent")
        chrome.find_element(By.LINK_TEXT, "Queue").click()
        see(chrome, "offered to supervisor")
        chrome.find_element(By.ID, "ready").click()
        see(chrome, "You are ready")
        second = house.ring("call-second", caller="sip:+15550142@example.org", target="")
        house.do(wants_a_person(second))
        see(chrome, "Take the caller")
        keep(chrome, "queue")
        refuse = chrome.find_element(By.ID, "refuse-offer")
        chrome.execute_script("arguments[0].focus(); window.first = document.getElementById('queue')", refuse)
        WebDriverWait(chrome, PATIENCE_S).until(lambda one: one.execute_script("return !window.first.isConnected"))
        assert chrome.switch_to.active_element.get_attribute("id") == "refuse-offer"  # nothing takes the keyboard away
        dressed(chrome, "light", 360)
        keep(chrome, "queue-360")
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chrome.find_element(By.ID, "take-offer").click()
        see(chrome, "The caller is yours")
        see(chrome, "Briefing")
        WebDriverWait(chrome, PATIENCE_S, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda one: "I want to talk to a person" in one.find_element(By.CSS_SELECTOR, "#call .talk").text
        )  # whoever has the caller reads along
        keep(chrome, "talk")
        assert [one for one in complaints(chrome) if "favicon" not in one] == []
    for talk in (waiting, second):
        house.do(talk.end())


def test_whole_addresses_fit_on_a_tablet_and_a_telephone(house: House, tmp_path: Path) -> None:
    house.queued = True
    talk = house.ring("call-wide", caller="sip:+15550142@trunk-7.carrier.example:5060", target="")
    with house.browser("agent") as agent, chromium(tmp_path) as chrome:
        agent.post("/queue/ready")  # else nobody waits
        house.do(wants_a_person(talk))
        enter(chrome, house, "supervisor")
        for page in ("calls", "queue", "inbox"):
            chrome.get(f"{house.url}/{page}")
            see(chrome, "+15550142")
            for scheme, width in (("light", 1024), ("dark", 820), ("light", 360)):
                dressed(chrome, scheme, width)  # all of it can be seen
                keep(chrome, f"{page}-{width}")
            chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        assert [one for one in complaints(chrome) if "favicon" not in one] == []
    house.do(talk.end())
