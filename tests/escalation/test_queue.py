"""The queue for a person: order, offers, claims, positions and waits, on a clock that the tests hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.errors import CallTaken, CallUnknown
from contracts.handoff import Reason
from escalation.queue import Change, Presence, Queue, Step, Wait
from escalation.queuesettings import QueueSettings
from escalation.waits import Average, estimate, minutes_said

ASKED, DANGER, FRAUD = Reason.PERSON_REQUESTED, Reason.DANGER, Reason.FRAUD


def order(queue: Queue) -> list[str]:
    return [one.call_id for one in queue.waiting()]


def told(settings: QueueSettings | None = None) -> tuple[Queue, list[Change]]:
    changes: list[Change] = []
    return Queue(settings or QueueSettings(), changes.append), changes


def test_a_crisis_goes_first_and_the_rest_in_the_order_they_came() -> None:
    queue = Queue(QueueSettings())
    queue.enter("a", ASKED, 1000)
    queue.enter("b", ASKED, 1010)
    queue.enter("c", DANGER, 1020)
    queue.enter("d", FRAUD, 1030)
    assert order(queue) == ["c", "d", "a", "b"]


def test_whoever_waited_longer_than_the_largest_head_start_goes_before_a_crisis_that_comes_later() -> None:
    queue = Queue(QueueSettings())
    queue.enter("long", ASKED, 1000)
    queue.enter("danger", DANGER, 1000 + 1801)
    assert order(queue) == ["long", "danger"]


def test_an_offer_that_is_missed_goes_to_the_next_person_and_two_missed_make_away() -> None:
    queue, changes = told(QueueSettings(ring_s=20, gone_s=1000))
    queue.ready("ann", 990)
    queue.ready("bob", 995)
    queue.enter("a", ASKED, 1000)
    assert queue.entry("a").agent == "ann"  # type: ignore[union-attr]  # ready longest
    queue.step(1020)
    assert queue.entry("a").agent == "bob"  # type: ignore[union-attr]
    queue.step(1040)
    assert queue.entry("a").agent == "ann"  # type: ignore[union-attr]
    queue.step(1060)
    assert queue.agents[0].presence is Presence.AWAY
    assert [one.agent for one in changes if one.step is Step.MISSED] == ["ann", "bob", "ann"]


def test_two_people_never_take_the_same_caller() -> None:
    queue = Queue(QueueSettings())
    queue.ready("ann", 990)
    queue.ready("bob", 995)
    queue.enter("a", ASKED, 1000)
    with pytest.raises(CallTaken, match="being offered to ann"):
        queue.claim("a", "bob", 1001)
    queue.claim("a", "ann", 1002)
    with pytest.raises(CallTaken, match="taken by ann"):
        queue.claim("a", "bob", 1003)
    assert queue.claim("a", "ann", 1004).agent == "ann"  # pressed twice


def test_a_claim_that_is_not_connected_expires_and_the_caller_is_offered_again_in_their_place() -> None:
    queue, changes = told(QueueSettings(connect_s=10, gone_s=1000))
    queue.ready("ann", 999)
    queue.enter("a", ASKED, 1000)
    queue.enter("b", ASKED, 1001)
    queue.claim("a", "ann", 1002)
    queue.ready("bob", 1003)
    assert queue.entry("b").agent == "bob"  # type: ignore[union-attr]
    queue.step(1012)
    assert order(queue) == ["a", "b"]
    queue.step(1022)
    assert queue.entry("a").state is Wait.OFFERED  # type: ignore[union-attr]
    assert Change(Step.EXPIRED, "a", "ann", 12.0) in changes


def test_only_who_has_the_skills_is_asked_until_anybody_may() -> None:
    wanted = QueueSettings(
        skills={FRAUD: ("fraud",)}, called_skills={"sip:es-*": ("spanish",)}, any_skill_after_s=60, gone_s=1000
    )
    queue = Queue(wanted)
    queue.ready("ann", 1000, skills=["fraud"])
    queue.enter("a", FRAUD, 1000, called="sip:es-bank@example.org")
    assert queue.entry("a").state is Wait.WAITING  # type: ignore[union-attr]
    assert queue.next_at(1000) == 1060
    queue.step(1060)
    assert queue.entry("a").agent == "ann"  # type: ignore[union-attr]
    assert queue.next_at(1060) == 1080


def test_a_person_with_a_telephone_has_claimed_what_rings_there() -> None:
    queue = Queue(QueueSettings(ring_s=20, connect_s=10, misses=1))
    queue.ready("ann", 1000, reach="sip:ann@example.org")
    entry = queue.enter("a", ASKED, 1000)
    assert entry is not None
    assert (entry.state, entry.agent, entry.until) == (Wait.CLAIMED, "ann", 1030)
    queue.enter("a", ASKED, 1015)  # not answered: waits again
    assert entry.state is Wait.WAITING
    assert queue.agents[0].presence is Presence.AWAY


def test_a_page_that_was_closed_makes_its_person_away_but_a_telephone_needs_no_page() -> None:
    queue = Queue(QueueSettings(gone_s=20))
    queue.ready("ann", 1000)
    queue.ready("bob", 1000, reach="sip:bob@example.org")
    queue.seen("ann", 1010)
    queue.step(1029)
    assert queue.agents[0].presence is Presence.READY
    queue.step(1030)
    assert [one.presence for one in queue.agents] == [Presence.AWAY, Presence.READY]


def test_positions_count_those_who_compete_for_the_same_people() -> None:
    queue = Queue(QueueSettings(skills={FRAUD: ("fraud",)}, any_skill_after_s=0))
    for name, skills in (("ann", ()), ("bob", ("fraud",))):
        queue.ready(name, 990, skills=skills)
        queue.enter(f"busy-{name}", ASKED, 991)
        queue.claim(f"busy-{name}", name, 992)
        queue.taken(f"busy-{name}", "", 993)
    queue.away("ann", 994)
    queue.ready("cat", 995)
    queue.enter("x", ASKED, 996)
    queue.claim("x", "cat", 997)
    queue.taken("x", "", 998)
    queue.away("bob", 999)
    queue.enter("fraud", FRAUD, 1000)
    queue.enter("plain", ASKED, 1001)
    assert queue.place("plain", 1002).position == 1  # cat takes no fraud
    assert queue.place("fraud", 1002).position == 1


def test_a_wait_is_estimated_only_after_enough_was_seen() -> None:
    queue = Queue(QueueSettings(known_after=2, gone_s=3600))
    queue.ready("ann", 1000)
    now = 1000.0
    for call in ("a", "b"):
        queue.enter(call, ASKED, now)
        assert queue.place(call, now).wait_s is None
        queue.claim(call, "ann", now)
        queue.taken(call, "", now)
        now += 120
        queue.over(call, now)
    queue.enter("c", ASKED, now)
    queue.enter("d", ASKED, now)
    assert queue.place("d", now).position == 2
    assert queue.place("d", now).wait_s == pytest.approx(240)


def test_after_a_conversation_there_is_time_to_wrap_up_and_ready_ends_it() -> None:
    settings = QueueSettings(wrap_up_s=30, wrap_up_people={"bob": 0}, gone_s=3600)
    queue, changes = told(settings)
    for name in ("ann", "bob"):
        queue.ready(name, 1000)
        queue.enter(f"of-{name}", ASKED, 1000)
        queue.claim(f"of-{name}", name, 1001)
        queue.taken(f"of-{name}", "", 1002)
    for name in ("ann", "bob"):
        queue.over(f"of-{name}", 1100)
    queue.enter("a", ASKED, 1101)
    queue.enter("b", ASKED, 1102)
    assert [one.agent for one in queue.waiting()] == ["bob", ""]
    assert queue.next_at(1102) == 1121  # bob's offer; ann's pause is over later
    queue.claim("a", "bob", 1110)
    queue.taken("a", "", 1111)
    assert queue.next_at(1111) == 1130
    queue.step(1130)
    assert queue.entry("b").agent == "ann"  # type: ignore[union-attr]
    assert [one.agent for one in changes if one.step is Step.WRAP_UP] == ["ann"]


def test_ready_or_a_choice_of_ones_own_ends_the_pause_and_a_pause_counts_in_the_estimate() -> None:
    queue = Queue(QueueSettings(wrap_up_s=60, known_after=1, gone_s=3600))
    queue.ready("ann", 1000)
    for call, at in (("a", 1000), ("b", 1200)):
        queue.enter(call, ASKED, at)
        queue.claim(call, "ann", at)
        queue.taken(call, "", at)
        queue.over(call, at + 100)
    queue.enter("c", ASKED, 1310)
    assert queue.place("c", 1310).wait_s == pytest.approx(160)
    queue.claim("c", "ann", 1311)
    queue.release("c", "ann", 1312)
    assert queue.entry("c").state is Wait.WAITING  # type: ignore[union-attr]  # given back a moment ago
    queue.ready("ann", 1313)
    assert queue.entry("c").agent == "ann"  # type: ignore[union-attr]


def test_whoever_declined_is_not_asked_again_at_once() -> None:
    queue = Queue(QueueSettings(again_s=10))
    queue.ready("ann", 1000)
    queue.enter("a", ASKED, 1000)
    queue.release("a", "ann", 1001)
    assert queue.entry("a").state is Wait.WAITING  # type: ignore[union-attr]
    assert queue.next_at(1001) == 1011
    queue.step(1011)
    assert queue.entry("a").agent == "ann"  # type: ignore[union-attr]


def test_estimates_and_minutes() -> None:
    seen, nothing = Average(0.2), Average(0.2)
    for value in (100, 200):
        seen.add(value)
    assert seen.value == 150  # the plain mean at first
    assert estimate(2, 3, seen, nothing, 0, 2) == 100
    assert estimate(2, 0, seen, nothing, 0, 2) is None
    assert estimate(2, 1, nothing, seen, 40, 2) == 110
    assert estimate(2, 1, nothing, seen, 400, 2) is None
    assert [minutes_said(one) for one in (10, 44, 60, 90, 180, 200)] == [0, 0, 1, 2, 3, 4]


def test_a_full_queue_takes_nobody_and_who_left_is_gone() -> None:
    queue = Queue(QueueSettings(max_waiting=1))
    assert queue.enter("a", ASKED, 1000) is not None
    assert queue.enter("b", ASKED, 1000) is None
    queue.leave("a", 1001)
    queue.leave("a", 1001)
    with pytest.raises(CallUnknown):
        queue.place("a", 1002)


def test_who_has_claimed_cannot_slip_away_and_who_was_offered_can() -> None:
    queue = Queue(QueueSettings())
    queue.ready("ann", 1000)
    queue.enter("a", ASKED, 1000)
    queue.away("ann", 1001)
    assert queue.entry("a").state is Wait.WAITING  # type: ignore[union-attr]
    queue.ready("ann", 1002)
    queue.claim("a", "ann", 1003)
    with pytest.raises(CallTaken):
        queue.away("ann", 1004)
    queue.release("a", "ann", 1005)
    queue.away("ann", 1006)


PEOPLE = ("ann", "bob", "cat")
CALLS = tuple("abcdef")


class QueueMachine(RuleBasedStateMachine):
    """Anything may happen in any order; what must always hold is below."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.settings = QueueSettings(
            again_s=10,
            wrap_up_s=15,
            ring_s=20,
            connect_s=10,
            gone_s=60,
            max_waiting=4,
            skills={FRAUD: ("fraud",)},
            any_skill_after_s=50,
        )
        self.claims: dict[str, str] = {}
        self.queue = Queue(self.settings, self._told)

    def _told(self, change: Change) -> None:
        if change.step is Step.CLAIMED:
            assert change.call_id not in self.claims, "claimed twice"
            self.claims[change.call_id] = change.agent
        elif change.step in (Step.EXPIRED, Step.RELEASED, Step.CONNECTED, Step.LEFT):
            self.claims.pop(change.call_id, None)

    @rule(seconds=st.floats(0.1, 40))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.queue.step(self.now)

    @rule(call=st.sampled_from(CALLS), reason=st.sampled_from((ASKED, DANGER, FRAUD)))
    def enters(self, call: str, reason: Reason) -> None:
        self.queue.enter(call, reason, self.now)

    @rule(call=st.sampled_from(CALLS))
    def leaves(self, call: str) -> None:
        self.queue.leave(call, self.now)

    @rule(name=st.sampled_from(PEOPLE), skilled=st.booleans(), telephone=st.booleans())
    def is_ready(self, name: str, skilled: bool, telephone: bool) -> None:
        reach = f"sip:{name}@x" if telephone else ""
        self.queue.ready(name, self.now, skills=["fraud"] if skilled else [], reach=reach)

    @rule(name=st.sampled_from(PEOPLE), call=st.sampled_from(CALLS), what=st.sampled_from(("away", "claim", "release")))
    def acts(self, name: str, call: str, what: str) -> None:
        try:
            if what == "away":
                self.queue.away(name, self.now)
            elif what == "claim":
                self.queue.claim(call, name, self.now)
            else:
                self.queue.release(call, name, self.now)
        except (CallTaken, CallUnknown):
            return

    @precondition(lambda self: self.claims)
    @rule()
    def connects_and_ends(self) -> None:
        call = min(self.claims)
        self.queue.taken(call, "", self.now)
        self.now += 5
        self.queue.over(call, self.now)

    @invariant()
    def a_person_has_one_caller_and_a_caller_one_person(self) -> None:
        held = [one for one in self.queue.waiting() if one.state is not Wait.WAITING]
        names = [one.agent for one in held]
        assert len(names) == len(set(names))
        by_name = {one.name: one for one in self.queue.agents}
        for entry in held:
            assert by_name[entry.agent].call_id == entry.call_id
            busy = by_name[entry.agent].presence is Presence.BUSY
            assert busy == (entry.state is Wait.CLAIMED)
            assert entry.until > self.now - 1e-9
        assert self.claims == {one.call_id: one.agent for one in held if one.state is Wait.CLAIMED}

    @invariant()
    def nobody_waits_while_somebody_able_is_free(self) -> None:
        self.queue.step(self.now)
        free = [one for one in self.queue.agents if one.presence is Presence.READY and not one.call_id]
        free = [one for one in free if one.rests_until <= self.now]
        for entry in self.queue.waiting():
            if entry.state is Wait.WAITING:
                assert not any(entry.wants <= one.skills for one in free)

    @invariant()
    def what_is_to_come_is_announced(self) -> None:
        due = self.queue.next_at(self.now)
        assert due is None or due > self.now

    @invariant()
    def the_first_come_of_a_reason_is_served_first(self) -> None:
        for reason in (ASKED, DANGER, FRAUD):
            times = [one.entered for one in self.queue.waiting() if one.reason is reason]
            assert times == sorted(times)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
