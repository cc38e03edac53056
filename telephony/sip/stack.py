"""The SIP library's configuration, as it was found to work, in one place for server and caller.

One Runtime per process, ever: libre's state is global, and a dead runtime needs a new process.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import sys
from collections.abc import Awaitable, Iterator, Sequence

from baresip import Account, Call, Config, Runtime, StackEvent

from contracts.errors import ConfigError
from telephony.sip.settings import Codec, SipSettings, Transport

_CODEC_SPECS: dict[Codec, str] = {"opus": "opus/48000/2", "g722": "g722/16000/1", "pcma": "pcma", "pcmu": "pcmu"}
"""A bare name means 8 kHz to the library; other rates need the whole specification."""

_ANY = ("", "0.0.0.0", "::")


def server_config(settings: SipSettings, port: int) -> Config:
    """Stack configuration of the answering side."""
    low, high = settings.jitter_buffer_ms
    return Config(
        net_interface=None if settings.host in _ANY else settings.host,  # discovery alone never picks loopback
        max_concurrent_calls=settings.max_dialogs,
        rtp_timeout=settings.rtp_timeout_s,
        expose_headers=("To", *settings.expose_headers),  # the library tells the caller, not the called
        sip_trace=settings.trace,
        extra_config_text=(
            f"sip_listen {settings.host or '0.0.0.0'}:{port}\n"
            f"rtp_ports {settings.rtp_port_min}-{settings.rtp_port_max}\n"
            # adaptive 20-160 ms: 44 ms echo round trip; the default: 125 ms
            "audio_jitter_buffer_type adaptive\n"
            f"audio_jitter_buffer_ms {low}-{high}\n"
        ),
    )


def caller_config(host: str, port: int, rtp_ports: tuple[int, int], rtp_timeout_s: int) -> Config:
    """Stack configuration of the calling side: no jitter buffer, so that sound is timed as it arrives."""
    return Config(
        net_interface=None if host in _ANY else host,
        max_concurrent_calls=16,
        rtp_timeout=rtp_timeout_s,
        extra_config_text=(
            f"sip_listen {host}:{port}\nrtp_ports {rtp_ports[0]}-{rtp_ports[1]}\naudio_jitter_buffer_type off\n"
        ),
    )


def account(
    user: str,
    domain: str,
    transport: Transport,
    codecs: Sequence[Codec],
    *,
    catchall: bool,
    secret: str = "",
    login: str = "",
) -> Account:
    """An identity that registers nowhere. ``login`` and ``secret`` answer a 401 or 407 to calls that we make."""
    extra = ["video_codecs=none"]  # else an unsolicited re-INVITE ~100 ms after every answer
    if catchall:
        extra.append("catchall=yes")  # else 404 unless the user part matches
    return Account(
        user=user,
        domain=domain,
        password=secret,
        auth_user=login or None,
        reg_interval=0,
        transport=transport,
        audio_codecs=tuple(_CODEC_SPECS[codec] for codec in codecs),
        extra_params=tuple(extra),
    )


_PR_SET_TIMERSLACK = 29
"""prctl(2)."""
_OWN_SLACK_NS = 50_000
"""Linux's default for every thread."""


@contextlib.contextmanager
def coarse_timers(slack_ms: float) -> Iterator[None]:
    """Threads started inside, and those that they start, wake up to so late, together with others.

    The library keeps three threads for each call and wakes one of them every 4 ms to ask whether 20 ms are over: with
    200 calls 49,000 wake-ups a second and 0.76 of a core; 0.59 with 3 ms of slack (measured). A thread inherits its
    maker's slack, so it is set while the library starts; this thread's own is put back.
    """
    if sys.platform != "linux":
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(int(slack_ms * 1e6)), 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(_OWN_SLACK_NS), 0, 0, 0)


async def placed(runtime: Runtime, placing: Awaitable[Call]) -> Call:
    """The call that ``placing`` (dial, accept_transfer) makes, with no event lost.

    The library's Call listens only from its construction, one turn of the loop after the stack has sent the INVITE; a
    peer on the same machine has sometimes answered by then (seen: 1 of 40 calls over loopback waited for ever).
    """
    missed: list[StackEvent] = []
    listener = missed.append
    runtime.subscribe(listener)
    try:
        call = await placing
    finally:
        runtime.unsubscribe(listener)
    for event in missed:
        if event.call == call.handle:
            call._on_stack_event(event)
    return call


def usable_port(host: str, port: int) -> int:
    """The port itself if it is free for UDP and TCP, or a free one for 0. Raises ConfigError when it is taken.

    The library does not report a port that it could not bind, so it is tried beforehand.
    """
    bind_host = host or "0.0.0.0"
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind((bind_host, port))
                found: int = udp.getsockname()[1]
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind((bind_host, found))
            except OSError as error:
                if port == 0 and error.errno == errno.EADDRINUSE:
                    continue  # free for UDP, taken for TCP
                raise ConfigError(
                    f"SIP cannot listen on {bind_host}:{port}: {error.strerror}; "
                    "stop what uses it or set another telephony.sip.port"
                ) from error
            return found
    raise ConfigError(f"no free SIP port on {bind_host}")
