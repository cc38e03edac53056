"""What strangers try. A neighbour's call must not notice."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from typing import Any

import pytest
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contracts.leg import HangupReason
from telephony.websocket.client import TwilioClient
from tests.telephony.websocket.kit import House, MakeHouse, until

UPGRADE = (
    "GET /twilio HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def plain(house: House) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", house.server.port))
    made.setblocking(False)
    return made


async def started(house: House) -> websockets.asyncio.client.ClientConnection:
    """A stream of our own making, up to ``start``."""
    stream = await websockets.asyncio.client.connect(house.url, proxy=None, compression=None, close_timeout=1)
    before = len(house.ports)
    await stream.send(json.dumps(TwilioClient(house.url).start_message()))
    await until(lambda: len(house.ports) > before)
    return stream


async def closing(stream: websockets.asyncio.client.ClientConnection) -> tuple[int | None, str]:
    """Read until the server closes; its code and reason."""
    try:
        async with asyncio.timeout(20):
            while True:
                await stream.recv()
    except ConnectionClosed:
        return stream.close_code, stream.close_reason or ""


async def test_five_hundred_half_open_connections_do_no_harm(make_house: MakeHouse) -> None:
    limits = {"half_open": 100, "handshake_s": 20}
    async with make_house(limits=limits) as house, house.neighbour():
        idle = [plain(house) for _ in range(500)]
        try:
            await until(lambda: house.server.refused["half_open"] >= 400)
            assert house.server.half_open <= 100
            async with house.client() as client:  # an honest call still gets in
                await until(lambda: len(house.ports) == 2)
                await until(lambda: len(client.log.heard) > 5)
        finally:
            for each in idle:
                each.close()


async def test_a_slow_loris_is_cut_off_in_time(make_house: MakeHouse) -> None:
    async with make_house(limits={"handshake_s": 0.5}) as house, house.neighbour():
        reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
        began = asyncio.get_running_loop().time()
        with pytest.raises((ConnectionError, EOFError)):
            await _drip(reader, writer)
        assert asyncio.get_running_loop().time() - began < 5
        writer.close()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in UPGRADE.encode() * 9:
        writer.write(bytes([byte]))
        await writer.drain()
        if reader.at_eof():
            raise EOFError
        await asyncio.sleep(0.01)


async def test_an_endless_header_is_cut_off(make_house: MakeHouse) -> None:
    async with make_house() as house, house.neighbour():
        reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
        writer.write(b"GET /twilio HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 500) for n in range(100)))
        with pytest.raises((ConnectionError, EOFError)):
            await asyncio.wait_for(reader.readexactly(1), 10)
        assert house.server.refused["handshake_bytes"] == 1
        writer.close()


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00\x01\x00" * 50, b"GET / HTTP/1.1\r\n\r\n", b"OPTIONS sip:x SIP/2.0\r\n\r\n"]
)
async def test_other_protocols_get_an_answer_or_a_closed_door(house: House, request_: bytes) -> None:
    async with house.neighbour():
        reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
        writer.write(request_)
        answer = await asyncio.wait_for(reader.read(), 10)
        assert b" 101 " not in answer
        writer.close()


async def test_a_frame_of_sixteen_megabytes_is_refused_unread(house: House) -> None:
    async with house.neighbour():
        stream = await started(house)
        try:
            async with asyncio.timeout(20):
                await stream.send("x" * 16 * 1024 * 1024)
        except (ConnectionClosed, TimeoutError):
            pass
        code, _ = await closing(stream)
        assert code in (1009, 1006)  # 1006: the door was shut before we had read why
        await house.ports[1].over.wait()


async def test_the_header_of_a_giant_frame_alone_ends_the_stream(house: House) -> None:
    async with house.neighbour():
        stream = await started(house)
        stream.transport.write(b"\x81\xff" + struct.pack(">Q", 2**62) + b"\0\0\0\0")
        assert (await closing(stream))[0] == 1009


async def test_binary_where_text_is_due_is_dropped_and_in_excess_ends_the_call(make_house: MakeHouse) -> None:
    async with make_house(limits={"violations": 5}) as house, house.neighbour():
        stream = await started(house)
        await stream.send(os.urandom(160))
        await asyncio.wait_for(stream.recv(), 10)
        assert house.ports[1].closed == []
        for _ in range(5):
            await stream.send(os.urandom(160))
        assert await closing(stream) == (1008, "a binary message where text is due")
        assert house.ports[1].closed[0][0] is HangupReason.ERROR


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"event": "stop"}, "`stop` before `start`"),
        ({"event": "media", "media": {"payload": "AAAA"}}, "`media` before `start`"),
    ],
)
async def test_a_stream_without_start_is_closed_with_the_reason(
    house: House, message: dict[str, Any], reason: str
) -> None:
    async with house.neighbour():
        stream = await websockets.asyncio.client.connect(house.url, proxy=None)
        await stream.send(json.dumps(message))
        assert await closing(stream) == (1008, reason)


async def test_two_starts_end_the_stream(house: House) -> None:
    async with house.neighbour():
        stream = await started(house)
        await stream.send(json.dumps(TwilioClient(house.url).start_message()))
        assert await closing(stream) == (1008, "a second `start`")
        assert len(house.ports) == 2


async def test_a_stream_that_says_nothing_is_closed_in_time(make_house: MakeHouse) -> None:
    async with make_house(limits={"start_s": 0.3}) as house, house.neighbour():
        stream = await websockets.asyncio.client.connect(house.url, proxy=None)
        assert await closing(stream) == (1008, "no start")


@pytest.mark.parametrize("payload", ["AAA", "", "A" * 3001, "A" * 60_000, "%%%%", None, 5, {"a": []}])
async def test_odd_payloads_are_dropped_and_the_call_goes_on(house: House, payload: object) -> None:
    async with house.neighbour():
        stream = await started(house)
        await stream.send(json.dumps({"event": "media", "media": {"payload": payload}}))
        await stream.send("[" * 5000)
        await stream.send(json.dumps({"event": "dtmf", "dtmf": {"digit": "5"}}))
        await until(lambda: house.ports[1].digits == ["5"])
        await stream.close()


async def test_a_flood_of_digits_ends_the_flooder_only(house: House) -> None:
    async with house.neighbour():
        stream = await started(house)
        digit = json.dumps({"event": "dtmf", "dtmf": {"digit": "1"}})
        try:
            for _ in range(5000):
                await stream.send(digit)
        except ConnectionClosed:
            pass
        code, reason = await closing(stream)
        assert (code, reason) in ((1008, "too many messages"), (1006, ""))
        assert len(house.ports[1].digits) < 200
        assert house.server.refused["too_many_messages"] == 1


async def test_a_flood_of_pings_is_a_flood_of_messages(house: House) -> None:
    async with house.neighbour():
        stream = await started(house)
        stream.transport.write(b"\x89\x80\0\0\0\0" * 20_000)
        await closing(stream)
        assert house.server.refused["too_many_messages"] == 1


async def test_invalid_utf8_and_broken_frames_end_only_their_stream(house: House) -> None:
    async with house.neighbour():
        for garbage in (b"\x81\x82\0\0\0\0\xff\xfe", b"\xff" * 64, b"\x83\x80\0\0\0\0", b"\x81\x01x"):
            stream = await started(house)
            stream.transport.write(garbage)
            assert (await closing(stream))[0] in (1002, 1007, 1006)


async def test_a_peer_that_reads_nothing_loses_sound_and_then_its_call(make_house: MakeHouse) -> None:
    limits = {"unread_bytes": 4096, "unread_s": 0.3}
    async with make_house(limits=limits) as house, house.neighbour():
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect(("127.0.0.1", house.server.port))
        made.sendall(UPGRADE.encode())
        text = json.dumps(TwilioClient(house.url).start_message()).encode()
        await until(lambda: house.server.half_open == 0)
        made.sendall(b"\x81\xfe" + struct.pack(">H", len(text)) + b"\0\0\0\0" + text)
        await until(lambda: len(house.ports) == 2)
        await asyncio.wait_for(_fill(house), 60)
        assert house.ports[1].closed == [(HangupReason.ERROR, "the peer reads nothing")]
        made.close()


async def _fill(house: House) -> None:
    """Clear messages as fast as they go, so that the kernel's buffers fill in less than minutes."""
    while not house.ports[1].closed:
        for _ in range(100):
            house.legs[1].flush()
        await asyncio.sleep(0.02)


async def test_more_connections_than_allowed_are_refused_by_status(make_house: MakeHouse) -> None:
    async with make_house(limits={"connections": 2}) as house, house.neighbour(), house.client():
        with pytest.raises(InvalidStatus) as refused:
            await house.client().connect()
        assert refused.value.response.status_code == 503
    async with make_house(limits={"connections_per_address": 1}) as house, house.neighbour():
        with pytest.raises(InvalidStatus) as refused:
            await house.client().connect()
        assert refused.value.response.status_code == 429


async def test_a_place_is_free_again_when_its_connection_is_gone(make_house: MakeHouse) -> None:
    async with make_house(limits={"connections": 1}) as house:
        for _ in range(3):
            async with house.client() as client:
                await until(lambda: len(client.log.heard) > 0)
            await until(lambda: house.server._door.open == 0)
