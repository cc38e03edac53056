"""Ordinary calls over real sockets; where the clock matters it is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

import numpy as np
import pytest
import websockets.asyncio.client
from websockets.exceptions import InvalidStatus

from contracts.audio import FRAME_S
from contracts.clock import ManualClock
from contracts.errors import ConfigError, LegClosed
from contracts.leg import CallLeg, HangupReason
from telephony.websocket.client import TwilioClient
from telephony.websocket.g711 import ulaw_to_linear
from telephony.websocket.leg import TwilioLeg
from telephony.websocket.server import WebSocketServer
from telephony.websocket.settings import WebSocketSettings
from tests.telephony.websocket.kit import EchoPort, House, MakeHouse, tone, until

TOKEN = "a-token-of-decent-length"


async def test_a_caller_hears_what_the_port_plays_and_the_port_hears_the_caller(house: House) -> None:
    async with house.client() as client:
        spoken = await client.say(tone(1.0))
        await until(lambda: len(client.log.heard) > 80)
        loud = np.abs(np.frombuffer(client.heard_pcm(), dtype="<i2")) > 5000
        assert 0.9 < spoken.ended - spoken.started < 3.0
        assert loud.sum() > 3000
        heard = np.concatenate([np.frombuffer(frame.pcm, dtype="<i2") for frame in house.ports[0].frames])
        spectrum = np.abs(np.fft.rfft(heard))
        assert abs(np.argmax(spectrum) * 16_000 / len(heard) - 440) < 5
        assert house.legs[0].capabilities.codec == "PCMU"
    await until(lambda: house.server.active == 0)
    assert house.ports[0].closed == [(HangupReason.CALLER, "stop")]


async def test_who_calls_is_read_from_the_parameters_and_the_token_is_not_passed_on(make_house: MakeHouse) -> None:
    async with make_house(allow_unsigned_loopback=False, shared_token=TOKEN) as house:
        options = {"From": "+15550100", "to": "+15550199", "campaign": "x", "token": TOKEN}
        async with TwilioClient(house.url, parameters=options) as client:
            await house.answered.wait()
            info = house.legs[0].info
            assert (info.caller, info.called, info.kind) == ("+15550100", "+15550199", "twilio")
            assert info.external_id == client.call_sid
            assert info.headers == {"From": "+15550100", "to": "+15550199", "campaign": "x"}
            assert TOKEN not in str(info)


async def test_digits_reach_the_port_once_each_and_a_flood_is_thinned(house: House) -> None:
    async with house.client() as client:
        await house.answered.wait()
        for digit in "12#":
            await client.digit(digit)
        await until(lambda: len(house.ports[0].digits) == 3)
        for _ in range(400):
            await client.digit("7")
        await client.say(tone(0.2))
        assert house.ports[0].digits[:3] == ["1", "2", "#"]
        assert len(house.ports[0].digits) < 300
        assert house.ports[0].closed == []


@pytest.mark.parametrize("carries", [True, False])
async def test_a_provider_without_keys_is_known_as_one(make_house: MakeHouse, carries: bool) -> None:
    async with make_house(carries_keys=carries) as house, house.client():
        await house.answered.wait()
        assert house.legs[0].capabilities.dtmf is carries


async def test_each_beat_asks_the_port_once_and_the_provider_is_never_sixty_milliseconds_ahead(
    make_house: MakeHouse,
) -> None:
    clock = ManualClock()
    async with make_house(clock=clock) as house, house.client() as client:
        await house.answered.wait()
        for beat in range(1, 101):
            house.ticker.beat(clock.advance(FRAME_S))
            assert house.ports[0].asked == beat
        await until(lambda: len(client.log.heard) == 102)  # and 40 ms of lead
        assert 95 <= len(house.ports[0].frames) <= 100  # the concealer waits a little for sound


async def test_a_flush_empties_the_providers_buffer_and_what_follows_starts_with_the_lead(
    make_house: MakeHouse,
) -> None:
    clock = ManualClock()
    async with make_house(clock=clock) as house, house.client() as client:
        await house.answered.wait()
        for _ in range(5):
            house.ticker.beat(clock.advance(FRAME_S))
        house.legs[0].flush()
        await until(lambda: len(client.log.clears) == 1)
        house.ticker.beat(clock.advance(FRAME_S))
        await until(lambda: len(client.log.heard) == 7 + 3)
        assert any(mark.cleared for mark in client.log.marks)


async def test_the_fade_of_what_was_flushed_comes_before_the_lead_and_not_after_a_gap(make_house: MakeHouse) -> None:
    clock = ManualClock()
    async with make_house(clock=clock) as house, house.client() as client:
        await house.answered.wait()
        for _ in range(5):
            house.ticker.beat(clock.advance(FRAME_S))
        house.legs[0].flush()
        await until(lambda: len(client.log.clears) == 1)
        house.ports[0].play(tone(FRAME_S))
        house.ticker.beat(clock.advance(FRAME_S))
        await until(lambda: len(client.log.heard) == 7 + 3)
        sounds = [np.frombuffer(ulaw_to_linear(each.ulaw), dtype="<i2") for each in client.log.heard[7:]]
        peaks = [int(np.abs(sound).max()) for sound in sounds]
        assert peaks[0] > 5000
        assert max(peaks[1:]) < 100


async def test_marks_tell_how_long_sound_takes_until_it_is_played(house: House) -> None:
    async with house.client() as client:
        await house.answered.wait()
        leg = house.legs[0]
        assert isinstance(leg, TwilioLeg)
        await until(lambda: leg.playout_lag_s > 0)
        assert 0.0 < leg.playout_lag_s < 2.0
        assert client.log.marks[0].name == "t1"


async def test_a_hang_up_waits_for_the_last_words_and_says_why(house: House) -> None:
    async with house.client() as client:
        await house.answered.wait()
        leg = house.legs[0]
        assert isinstance(leg, TwilioLeg)
        await until(lambda: leg.playout_lag_s > 0)
        await leg.hangup(HangupReason.OPERATOR)
        await client.closed.wait()
        assert (client.close_code, client.close_reason) == (1000, "operator")
        assert client.log.marks[-1].name == "end"
        assert house.ports[0].closed == [(HangupReason.OPERATOR, "")]
        await house.legs[0].hangup(HangupReason.OPERATOR)


async def test_a_transfer_ends_the_stream_with_the_target_so_that_twiml_goes_on(house: House) -> None:
    async with house.client() as client:
        await house.answered.wait()
        result = await house.legs[0].transfer("+15550123", {"handoff": "h1"})
        await client.closed.wait()
        assert (result.ok, result.status) == (True, "closed")
        assert (client.close_code, client.close_reason) == (1000, "transfer:+15550123")
        assert house.ports[0].closed == [(HangupReason.TRANSFERRED, "+15550123")]
        assert not (await house.legs[0].transfer("+15550123", {})).ok


@pytest.mark.parametrize("target", ["", "x" * 200, "+1\n2", "\ud800"])
async def test_a_target_that_a_close_frame_cannot_carry_fails_and_the_call_goes_on(house: House, target: str) -> None:
    async with house.client():
        await house.answered.wait()
        assert not (await house.legs[0].transfer(target, {})).ok
        assert house.ports[0].closed == []


async def test_a_refused_call_is_closed_with_try_again_later(make_house: MakeHouse) -> None:
    async with make_house() as house:

        async def refuse(leg: CallLeg) -> None:
            await leg.reject(HangupReason.REFUSED)
            with pytest.raises(LegClosed):
                await leg.answer(EchoPort())

        house.server._handler = refuse
        async with house.client() as client:
            await client.closed.wait()
            assert client.close_code == 1013


async def test_a_handler_that_answers_never_or_fails_costs_only_its_own_call(make_house: MakeHouse) -> None:
    async with make_house(answer_timeout_s=0.2) as house, house.neighbour():

        async def sleeps(leg: CallLeg) -> None:
            await asyncio.Event().wait()

        async def raises(leg: CallLeg) -> None:
            raise RuntimeError("a handler's mistake")

        for handler in (sleeps, raises):
            house.server._handler = handler
            async with house.client() as client:
                await client.closed.wait()
                assert client.close_code == 1013
        house.server._handler = house.handle


async def test_a_port_that_raises_on_the_beat_ends_its_own_call_only(house: House) -> None:
    async with house.neighbour(), house.client() as client:
        await until(lambda: len(house.ports) == 2)

        def broken() -> bytes:
            raise RuntimeError("a port's mistake")

        house.ports[1].next_frame = broken  # type: ignore[method-assign]
        await client.closed.wait()
        assert client.close_code == 1011
        assert house.ports[1].closed == [(HangupReason.ERROR, "a port's mistake")]


async def test_a_caller_who_vanishes_without_stop_is_a_caller_who_left(house: House) -> None:
    async with house.client() as client:
        await house.answered.wait()
        client.socket.transport.abort()
        await house.ports[0].over.wait()
    assert house.ports[0].closed[0][0] is HangupReason.CALLER
    assert len(house.ports[0].closed) == 1


async def drain(stream: websockets.asyncio.client.ClientConnection) -> None:
    async for _ in stream:
        pass


async def test_a_stream_that_falls_silent_is_ended_as_media_timeout(make_house: MakeHouse) -> None:
    clock = ManualClock()
    async with make_house(clock=clock, media_timeout_s=5) as house:
        async with websockets.asyncio.client.connect(house.url, proxy=None) as socket_:
            await socket_.send(json.dumps(TwilioClient(house.url).start_message()))
            await house.answered.wait()
            draining = asyncio.create_task(drain(socket_))
            while not house.ports[0].closed:
                house.ticker.beat(clock.advance(FRAME_S))
                await asyncio.sleep(0)
            await draining
        assert house.ports[0].closed == [(HangupReason.MEDIA_TIMEOUT, "no media")]
        assert all(frame.concealed for frame in house.ports[0].frames)
        assert 245 <= len(house.ports[0].frames) <= 252


async def test_a_signed_handshake_is_admitted_and_others_are_told_apart(make_house: MakeHouse) -> None:
    async with make_house(allow_unsigned_loopback=False, auth_token="secret") as house:
        async with TwilioClient(house.url, auth_token="secret"):
            await house.answered.wait()
        for auth_token, status in (("", 401), ("wrong", 403)):
            with pytest.raises(InvalidStatus) as refused:
                await TwilioClient(house.url, auth_token=auth_token).connect()
            assert refused.value.response.status_code == status
        with pytest.raises(InvalidStatus) as refused:
            await TwilioClient(house.url.replace("twilio", "other"), auth_token="secret").connect()
        assert refused.value.response.status_code == 404
        assert house.server.refused == {"no_signature": 1, "bad_signature": 1, "no_such_path": 1}


async def test_a_wrong_token_in_the_start_message_closes_before_any_handler(make_house: MakeHouse) -> None:
    async with make_house(allow_unsigned_loopback=False, shared_token=TOKEN) as house:
        async with TwilioClient(house.url, parameters={"token": "guess"}) as client:
            await client.closed.wait()
            assert (client.close_code, client.close_reason) == (1008, "bad token")
        assert house.legs == []


async def test_a_full_house_says_at_the_handshake_when_to_come_again(house: House) -> None:
    async with house.neighbour():
        house.full = True
        with pytest.raises(InvalidStatus) as refused:
            await house.client().__aenter__()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "30"
    house.full = False
    async with house.neighbour():
        pass  # and there is room again


async def test_draining_refuses_upgrades_while_present_calls_go_on_until_they_end(house: House) -> None:
    async with house.neighbour():
        draining = asyncio.create_task(house.server.drain())
        await until(lambda: house.server._draining)
        with pytest.raises(InvalidStatus) as refused:
            await house.client().connect()
        assert refused.value.response.status_code == 503
        assert not draining.done()
    await asyncio.wait_for(draining, 10)


async def test_closing_hangs_up_what_is_left_as_drained(make_house: MakeHouse) -> None:
    async with contextlib.AsyncExitStack() as calls:
        async with make_house() as house:
            client = await calls.enter_async_context(house.client())
            await house.answered.wait()
        await client.closed.wait()
        assert (client.close_code, client.close_reason) == (1001, "drained")
        assert house.ports[0].closed == [(HangupReason.DRAINED, "")]


async def test_a_busy_port_is_a_configuration_error_that_names_it(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = WebSocketServer(WebSocketSettings(port=port), house.ticker, house.clock)
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
            await server.start(house.handle)
