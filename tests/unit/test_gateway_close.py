"""How a voice websocket ended: a server that says good-bye is not one that is cut off."""

from __future__ import annotations

import aiohttp
import pytest

from isocord.gateway.socket.transport import GatewaySocket


class Handler:
    def __init__(self) -> None:
        self.lost: list[int | None] = []

    def socket_lost(self, code: int | None, error: str, *, trusted: bool = True) -> None:
        self.lost.append(code)


class Ended:
    """aiohttp's websocket once the server has ended it."""

    def __init__(self, kind: aiohttp.WSMsgType, close_code: int) -> None:
        self.message = aiohttp.WSMessage(kind, close_code, None)
        self.close_code = close_code

    async def receive(self) -> aiohttp.WSMessage:
        return self.message


@pytest.mark.parametrize(
    ("kind", "aiohttps_word", "told"),
    [
        (aiohttp.WSMsgType.CLOSE, 1000, 1000),
        (aiohttp.WSMsgType.CLOSE, 4006, 4006),
        (aiohttp.WSMsgType.CLOSED, 1000, None),
        (aiohttp.WSMsgType.CLOSED, 1006, None),
        (aiohttp.WSMsgType.CLOSING, 1006, None),
    ],
)
async def test_only_a_close_frame_has_a_code(kind: aiohttp.WSMsgType, aiohttps_word: int, told: int | None) -> None:
    socket = object.__new__(GatewaySocket)
    socket._handler = handler = Handler()  # type: ignore[assignment]
    await socket._read(Ended(kind, aiohttps_word))
    assert handler.lost == [told]
