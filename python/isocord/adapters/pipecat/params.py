"""What the transport is told, and what it measures."""

from __future__ import annotations

from pipecat.metrics.metrics import MetricsData
from pipecat.transports.base_transport import TransportParams


class DiscordParams(TransportParams):
    """Pipecat's parameters for Discord: both ways are on, and the end of a sentence needs no silence after it.

    Parameters:
        audio_in_sample_rate: 48000, 24000, 16000, 12000 or 8000 Hz.
        audio_in_channels: 1 or 2.
        audio_out_channels: 1 or 2.
        audio_out_ahead_secs: how far the sound that was written may be ahead of what is heard. So long the loop may be
            busy without a gap, and so much earlier frames of text that follow the sound are pushed on.
    """

    audio_in_enabled: bool = True
    audio_out_enabled: bool = True
    audio_out_end_silence_secs: int = 0
    audio_out_ahead_secs: float = 0.2


class DiscordMetrics(MetricsData):
    """What Discord heard of the bot, and the bot of Discord, after each time that the bot spoke.

    Parameters:
        heard: seconds that have left of what the bot said this time.
        interrupted: whether more was to come.
        underruns: slots of 20 ms that found nothing to send in the middle of it, in all.
        late: frames that came too late to be heard whole, in all.
        dropped: frames for which the pipeline was too slow, in all.
    """

    heard: float
    interrupted: bool
    underruns: int
    late: int
    dropped: int
