"""A snapshot of everything that a voice client counts."""

from __future__ import annotations

from ..connection.connection import VoiceConnection
from ..runtime.values import Record


class VoiceStats(Record):
    """Counters of one connection since its connect. Times are in seconds.

    Attributes:
        packets_sent: audio packets, silence among them.
        bytes_sent: what they took on the wire above UDP.
        silence_sent: silence frames that filled the ends of tracks.
        keepalives_sent: UDP keepalives.
        packets_received: datagrams that came.
        send_errors: packets that the system did not take, or that it was told did not arrive.
        underruns: slots that found a track without a frame though one was due: not before its first one, nor while a
            StreamSource is at rest.
        missed_slots: slots that came more than a frame late.
        withheld: frames that passed unsent while the bot was alone in an encrypted call: nobody could have opened
            them, and what plays goes on as if somebody listened.
        dropped_commands: commands that the clock had no room for.
        lateness_p50: half of the packets left at most this late.
        lateness_p99: 99 of 100 packets left at most this late.
        lateness_max: the latest one.
        lateness_sum: of all packets.
        lateness_histogram: for each doubling, its upper edge and how many packets were so late: less than that, and not
            less than the edge before. The first ends at 8 microseconds.
        latency: the last heartbeat's round trip; infinite before the first.
        average_latency: the mean of the last 20.
        resumes: how often the websocket was resumed.
        reconnects: how often a new voice session took the place of a lost one.
        gateway_messages: messages of the voice gateway.
        gateway_malformed: those that could not be read.
        gateway_unknown: those of unknown kinds.
        gateway_misplaced: those that came where they mean nothing.
        gateway_duplicates: those that a resume brought a second time.
    """

    packets_sent: int
    bytes_sent: int
    silence_sent: int
    keepalives_sent: int
    packets_received: int
    send_errors: int
    underruns: int
    missed_slots: int
    withheld: int
    dropped_commands: int
    lateness_p50: float
    lateness_p99: float
    lateness_max: float
    lateness_sum: float
    lateness_histogram: tuple[tuple[float, int], ...]
    latency: float
    average_latency: float
    resumes: int
    reconnects: int
    gateway_messages: int
    gateway_malformed: int
    gateway_unknown: int
    gateway_misplaced: int
    gateway_duplicates: int


def snapshot(connection: VoiceConnection) -> VoiceStats:
    """Read all counters of a connection."""
    native, gateway, flow = connection.native.stats, connection.counters, connection.flow
    return VoiceStats(
        packets_sent=native.packets_sent,
        bytes_sent=native.bytes_sent,
        silence_sent=native.silence_sent,
        keepalives_sent=native.keepalives_sent,
        packets_received=native.packets_received,
        send_errors=native.send_errors,
        underruns=native.underruns,
        missed_slots=native.missed_slots,
        withheld=native.withheld,
        dropped_commands=native.dropped_commands,
        lateness_p50=native.lateness_p50,
        lateness_p99=native.lateness_p99,
        lateness_max=native.lateness_max,
        lateness_sum=native.lateness_sum,
        lateness_histogram=tuple(native.lateness_histogram),
        latency=connection.latencies.last,
        average_latency=connection.latencies.average,
        resumes=flow.resumes,
        reconnects=flow.reconnects,
        gateway_messages=gateway.received,
        gateway_malformed=gateway.malformed,
        gateway_unknown=gateway.unknown,
        gateway_misplaced=gateway.misplaced,
        gateway_duplicates=gateway.duplicate,
    )
