"""Those who vote: numbers that only this process makes, how often an address is heard, and what is read at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

LONGEST = 1024
"""Bytes of a vote; one that says it is longer is not read."""

BODY_SECONDS = 5.0
"""In which a vote's bytes have to come."""


RATE, BURST = 100.0, 600.0
"""Votes a second that are looked at from one address, and how many at once."""

WAITING_MOST, WAITING_SECONDS = 100, 1.0
"""So many of those beyond the rate are let wait for so long before they are refused; the others are refused at once."""

ADDRESSES_MOST = 10_000

COOKIE = "facetui-voter"
VOTER = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{32}")
JSON = re.compile(rb"application/json(; ?charset=utf-8)?", re.IGNORECASE)
OWN_HEADER = b"facetui-vote"

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, bytes]


class Voters:
    """Who votes, and how often an address is listened to."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._rates: dict[str, tuple[float, float]] = {}
        self._delayed = 0

    def _sign(self, number: str) -> str:
        return hmac.new(self._secret, number.encode(), hashlib.sha256).hexdigest()[:32]

    def number(self, headers: dict[bytes, bytes]) -> str:
        """The number of who asks, from a header or a cookie; empty: none that was made here."""
        told = headers.get(b"facetui-voter", b"")
        for part in headers.get(b"cookie", b"").split(b";"):
            name, _, value = part.strip().partition(b"=")
            told = told or (value if name == COOKIE.encode() else b"")
        said = told.decode("latin-1")
        number, _, sign = said.partition(".")
        return number if VOTER.fullmatch(said) and hmac.compare_digest(sign, self._sign(number)) else ""

    def introduce(self, headers: dict[bytes, bytes], path: bytes) -> tuple[bytes, Headers]:
        """A voter's number with its signature, and the cookie that keeps it; both empty for who has one already."""
        if self.number(headers):
            return b"", []
        number = secrets.token_hex(8)
        signed = f"{number}.{self._sign(number)}".encode()
        cookie = COOKIE.encode() + b"=" + signed + b"; Path=" + path + b"; HttpOnly; SameSite=Strict"
        return signed, [(b"set-cookie", cookie)]

    async def listens_to(self, address: str) -> bool:
        """Whether a vote from an address is looked at; of those beyond its rate some are let wait before they hear."""
        if self._within_rate(address):
            return True
        if self._delayed < WAITING_MOST:
            self._delayed += 1
            try:
                await asyncio.sleep(WAITING_SECONDS)
            finally:
                self._delayed -= 1
        return False

    def _within_rate(self, address: str) -> bool:
        now = time.monotonic()
        left, before = self._rates.get(address, (BURST, now))
        left = min(BURST, left + (now - before) * RATE)
        if len(self._rates) >= ADDRESSES_MOST:  # who was not heard of for long has its burst again
            self._rates = {a: (n, t) for a, (n, t) in self._rates.items() if n + (now - t) * RATE < BURST}
            if len(self._rates) >= ADDRESSES_MOST:
                return False
        self._rates[address] = max(0.0, left - 1), now
        return left >= 1


def address_of(scope: dict[str, Any]) -> str:
    """Who asks, as far as one person is told from another: an IPv6 network of 64 bits is one."""
    host = str((scope.get("client") or ("", 0))[0])
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(host)
        if isinstance(found, ipaddress.IPv6Address):
            return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return host


def refused(headers: dict[bytes, bytes]) -> Answer | None:
    """Why a vote is not even read: another site sent it, a form did, or it is too long; ``None``: it is read."""
    origin = headers.get(b"origin")
    if origin is not None and origin.partition(b"://")[2] != headers.get(b"host"):
        return 403, b"votes are taken from this page only\n"
    if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
        return 403, b"votes are taken from this page only\n"
    if headers.get(OWN_HEADER) != b"1" or not JSON.fullmatch(headers.get(b"content-type", b"")):
        return 415, b"this is no vote\n"
    length = headers.get(b"content-length", b"")
    if not re.fullmatch(rb"\d{1,15}", length) or b"transfer-encoding" in headers:
        return 411, b"a vote says how long it is\n"
    return (413, b"this is too long for a vote\n") if int(length) > LONGEST else None


async def body_of(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes | None:
    """A vote's bytes, if all of them come in time and are no more than they may."""
    body = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while len(body) <= LONGEST:
                part = await receive()
                if part["type"] != "http.request":
                    return None
                body += part.get("body", b"")
                if not part.get("more_body"):
                    return body
    return None
