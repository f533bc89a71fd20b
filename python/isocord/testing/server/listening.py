"""A port at which a web application answers; on the server's thread."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

HOST = "127.0.0.1"
_SHUTDOWN_TIMEOUT = 1.0


class Listening:
    """A port of 127.0.0.1 that the system has chosen."""

    def __init__(self, runner: web.AppRunner, server: asyncio.Server) -> None:
        self._runner, self._server = runner, server
        self.port: int = server.sockets[0].getsockname()[1]

    @classmethod
    async def open(cls, app: web.Application, ssl_context: ssl.SSLContext | None = None) -> Listening:
        """Answer from now on."""
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        try:
            await runner.setup()
            assert runner.server is not None
            loop = asyncio.get_running_loop()
            return cls(runner, await loop.create_server(runner.server, HOST, 0, ssl=ssl_context))
        except BaseException:
            await runner.cleanup()
            raise

    async def close(self) -> None:
        """Let nobody in any more, and end what there is."""
        loop = asyncio.get_running_loop()
        for sock in self._server.sockets:
            loop.remove_reader(sock)
        # Who was let in just now has a socket of which only the first step of its task takes charge; asyncio loses it
        # if the server is closed before.
        await asyncio.sleep(0)
        self._server.close()
        await self._runner.cleanup()
