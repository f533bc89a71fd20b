"""How PCM becomes Opus."""

from __future__ import annotations

from typing import Any

from .. import _native

_DEFAULT_LOSS = 0.15


def native_options(values: dict[str, Any]) -> _native.EncoderOptions:
    """The options by name, as libopus gets them: error correction does nothing where no loss is expected.

    Raises:
        ValueError: one is out of its range.
    """
    loss = _DEFAULT_LOSS if values.get("fec") else 0.0
    return _native.EncoderOptions(**{"expected_packet_loss": loss, **values})
