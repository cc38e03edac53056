from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.websocket.events import Connected, Dtmf, Marked, Media, Started, Stopped, Violation
from telephony.websocket.twilio import MAX_PENDING_MARKS, State, TwilioProtocol

SID = "MZ0123456789abcdef0123456789abcdef"
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def start(**changes: Any) -> dict[str, Any]:
    body = {
        "streamSid": SID,
        "accountSid": "AC1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "customParameters": {"from": "+15550100"},
        "mediaFormat": FORMAT,
        **changes,
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": SID, "start": body}


def media(chunk: object = "1", payload: object = None, **changes: Any) -> dict[str, Any]:
    payload = b64encode(bytes(160)).decode() if payload is None else payload
    body = {"track": "inbound", "chunk": chunk, "timestamp": "5", "payload": payload, **changes}
    return {"event": "media", "sequenceNumber": "3", "streamSid": SID, "media": body}


def streaming(**options: int) -> TwilioProtocol:
    protocol = TwilioProtocol(**options)
    protocol.receive(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    protocol.receive(json.dumps(start()))
    return protocol


def say(protocol: TwilioProtocol, message: object) -> Any:
    return protocol.receive(json.dumps(message))


def test_a_call_as_documented_is_understood() -> None:
    protocol = TwilioProtocol()
    assert say(protocol, {"event": "connected", "protocol": "Call", "version": "1.0.0"}) == Connected("Call", "1.0.0")
    assert say(protocol, start()) == Started(SID, "CA1", "AC1", {"from": "+15550100"})
    assert say(protocol, media()) == Media(bytes(160), 1, 5)
    assert say(protocol, {"event": "dtmf", "streamSid": SID, "dtmf": {"track": "inbound_track", "digit": "#"}}) == Dtmf(
        "#"
    )
    protocol.mark("a")
    assert say(protocol, {"event": "mark", "streamSid": SID, "mark": {"name": "a"}}) == Marked("a", cleared=False)
    assert say(protocol, {"event": "stop", "streamSid": SID, "stop": {"callSid": "CA1"}}) == Stopped("CA1")
    assert protocol.state is State.STOPPED
    assert protocol.violations == 0


def test_commands_are_the_documented_messages() -> None:
    protocol = streaming()
    assert json.loads(protocol.media(b"\xff\x00")) == {"event": "media", "streamSid": SID, "media": {"payload": "/wA="}}
    assert json.loads(protocol.mark("m1") or "") == {"event": "mark", "streamSid": SID, "mark": {"name": "m1"}}
    assert json.loads(protocol.clear()) == {"event": "clear", "streamSid": SID}


def test_marks_that_return_after_a_clear_are_flagged_because_they_prove_nothing() -> None:
    protocol = streaming()
    protocol.mark("before")
    protocol.clear()
    protocol.mark("after")
    answers = [say(protocol, {"event": "mark", "mark": {"name": name}}) for name in ("before", "after")]
    assert answers == [Marked("before", cleared=True), Marked("after", cleared=False)]
    assert protocol.pending_marks == ()


def test_a_peer_that_never_answers_marks_is_not_asked_without_end() -> None:
    protocol = streaming()
    sent = [protocol.mark(f"m{n}") for n in range(MAX_PENDING_MARKS + 1)]
    assert sent[-1] is None
    assert None not in sent[:-1]


def test_numbers_may_be_integers_and_counters_may_be_left_out_as_other_peers_do() -> None:
    protocol = streaming()
    assert say(protocol, media(chunk=7, timestamp=140)) == Media(bytes(160), 7, 140)
    body = media()
    del body["media"]["chunk"], body["media"]["timestamp"], body["streamSid"]
    assert say(protocol, body) == Media(bytes(160), 8, -1)


def test_missing_chunks_are_counted_and_late_ones_dropped() -> None:
    protocol = streaming()
    say(protocol, media("1"))
    assert say(protocol, media("5")) == Media(bytes(160), 5, 5, missing=3)
    assert say(protocol, media("4")) == Violation("media out of order")
    assert say(protocol, media("5")) == Violation("media out of order")


def test_sound_of_another_track_is_passed_over() -> None:
    assert say(streaming(), media(track="outbound")) is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "malformed JSON"),
        ("{", "malformed JSON"),
        ("nul", "malformed JSON"),
        ("[]", "not a JSON object"),
        ("12", "not a JSON object"),
        ("{}", "no event name"),
        ('{"event": 5}', "no event name"),
        ('{"event": "transcribe"}', "unknown event 'transcribe'"),
        ("[" * 30_000, "nested too deeply"),
        ('{"a":' * 200 + "1" + "}" * 200, "no event name"),
        ('{"a":' * 20_000 + "1" + "}" * 20_000, "nested too deeply"),
        ("9" * 60_000, "malformed JSON"),
        (b"\x00\x01", "a binary message where text is due"),
        (b'{"event": "stop"}', "a binary message where text is due"),
        (json.dumps(media(payload="&&&&")), "payload is not base64"),
        (json.dumps(media(payload="AAA")), "payload is not base64"),
        (json.dumps(media(payload="ÄÄÄÄ")), "payload is not base64"),
        (json.dumps(media(payload="AAAA====")), "payload is not base64"),
        (json.dumps(media(payload="")), "media without a payload"),
        (json.dumps(media(payload=["AAAA"])), "media without a payload"),
        (json.dumps(media(payload="A" * 40_000)), "media of more than 1600 bytes"),
        (json.dumps(media(chunk="x")), "`chunk` is missing or not a number"),
        (json.dumps(media(chunk=True)), "`chunk` is missing or not a number"),
        (json.dumps(media(chunk=1.5)), "`chunk` is missing or not a number"),
        (json.dumps(media(chunk="9" * 4000)), "`chunk` is missing or not a number"),
        (json.dumps(media(chunk="0")), "media out of order"),
        (json.dumps(media(timestamp={})), "`timestamp` is missing or not a number"),
        ('{"event": "media"}', "`media` is missing or not an object"),
        ('{"event": "media", "media": 5}', "`media` is missing or not an object"),
        (json.dumps({**media(), "streamSid": "MZother"}), "`media` of another stream"),
        ('{"event": "dtmf", "dtmf": {"digit": "12"}}', "dtmf without a digit of 0-9 * # A-D"),
        ('{"event": "dtmf", "dtmf": {"digit": 1}}', "dtmf without a digit of 0-9 * # A-D"),
        ('{"event": "mark", "mark": {"name": "ours?"}}', "a mark that we did not send"),
        ('{"event": "mark", "mark": {"name": []}}', "a mark that we did not send"),
        ('{"event": "connected"}', "a second `connected`"),
    ],
)
def test_a_bad_message_is_dropped_with_a_clear_reason_and_the_stream_goes_on(message: str | bytes, reason: str) -> None:
    protocol = streaming()
    assert protocol.receive(message) == Violation(reason)
    assert say(protocol, media()) == Media(bytes(160), 1, 5)
    assert protocol.violations == 1


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (media(), "`media` before `start`"),
        ({"event": "stop"}, "`stop` before `start`"),
        ({"event": "dtmf", "dtmf": {"digit": "1"}}, "`dtmf` before `start`"),
        ({"event": "mark", "mark": {"name": "a"}}, "`mark` before `start`"),
        (start(mediaFormat={**FORMAT, "sampleRate": 16000}), "media format is not audio/x-mulaw, 8000 Hz, 1 channel"),
        (start(streamSid="MZother"), "`start` names two streams"),
    ],
)
def test_a_stream_that_begins_wrongly_cannot_go_on(first: dict[str, Any], reason: str) -> None:
    protocol = TwilioProtocol()
    assert say(protocol, first) == Violation(reason, fatal=True)
    assert say(protocol, start()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"callSid": ""},
        {"callSid": "../../etc/passwd"},
        {"callSid": "x" * 65},
        {"streamSid": None},
        {"customParameters": []},
        {"customParameters": {"a": 1}},
        {"customParameters": {str(n): "" for n in range(65)}},
    ],
)
def test_a_start_with_unusable_fields_is_a_violation_and_may_be_repeated(changes: dict[str, Any]) -> None:
    protocol = TwilioProtocol()
    assert isinstance(say(protocol, start(**changes)), Violation)
    assert isinstance(say(protocol, start()), Started)


def test_a_second_start_ends_the_stream() -> None:
    assert say(streaming(), start()) == Violation("a second `start`", fatal=True)


def test_parameters_reach_us_without_control_characters_and_lone_surrogates() -> None:
    protocol = TwilioProtocol()
    started = say(protocol, start(customParameters={"from\n": "+1\x1b[31m\ud800\u202e555\x00"}))
    assert started.parameters == {"from": "+1[31m555"}


def test_too_many_bad_messages_end_the_stream_and_silence_it() -> None:
    protocol = streaming(max_violations=3)
    fatal = [protocol.receive("{").fatal for _ in range(4)]  # type: ignore[union-attr]
    assert fatal == [False, False, False, True]
    assert say(protocol, media()) is None


def test_nothing_can_be_sent_before_start_or_after_stop() -> None:
    protocol = TwilioProtocol()
    with pytest.raises(ValueError):
        protocol.media(b"\xff")
    protocol = streaming()
    say(protocol, {"event": "stop"})
    with pytest.raises(ValueError):
        protocol.clear()
    assert say(protocol, media()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "x"])
KEYS = st.sampled_from(
    "event start media dtmf mark stop streamSid callSid payload chunk timestamp mediaFormat customParameters track "
    "digit name encoding sampleRate channels".split()
)
SHAPED = st.builds(
    lambda event, body, inner: json.dumps({**body, "event": event, event: inner}),
    EVENTS,
    st.dictionaries(KEYS, JSON, max_size=5),
    JSON | st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=6),
)
RIGHTFUL = st.sampled_from([json.dumps(start()), json.dumps(media()), json.dumps(media("9")), '{"event":"stop"}'])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(SHAPED, RIGHTFUL, JSON.map(json.dumps), st.text(), st.binary()), max_size=12))
def test_whatever_comes_yields_an_event_or_a_reason_and_never_an_exception(messages: list[str | bytes]) -> None:
    protocol = TwilioProtocol(max_violations=5)
    stopped = False
    for message in messages:
        event = protocol.receive(message)
        if stopped:
            assert event is None
        if isinstance(event, Violation):
            assert event.reason.isprintable()
            assert len(event.reason) < 123  # it becomes the reason of a close frame
            assert event.fatal or protocol.violations <= 5
        stopped = stopped or isinstance(event, Stopped) or (isinstance(event, Violation) and event.fatal)
        if protocol.state is State.STREAMING:
            assert json.loads(protocol.media(b"\xff"))["streamSid"] == protocol.stream_sid


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=1600))
def test_any_sound_survives_both_ways(ulaw: bytes) -> None:
    protocol = streaming()
    sent = json.loads(protocol.media(ulaw))
    assert say(protocol, media(payload=sent["media"]["payload"])).ulaw == ulaw
