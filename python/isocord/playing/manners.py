"""How a bot library plays."""

from __future__ import annotations

from ..runtime.values import Record


class Manners(Record):
    """What the libraries do in ways of their own.

    Attributes:
        after_first: ``after`` is called before the source is cleaned up.
        resolve_on_stop: stopping resolves the future of ``wait_finish`` at once.
        keeps_encoder: how the encoder was set goes for later playbacks, too.
    """

    after_first: bool = True
    resolve_on_stop: bool = True
    keeps_encoder: bool = True
