"""What there is to measure, and its values now."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Literal, NamedTuple

from .._native import ReceiveStats
from ..client import registry
from ..client.stats import VoiceStats
from ..client.voice_client import VoiceClient
from ..runtime.values import Record

LABELS = ("guild", "channel", "bot")
_RATE = 48_000


class Metric(Record):
    """One thing that is measured.

    Attributes:
        name: that of the field that it is in ``voice.stats``, or after ``receive_`` in ``voice.receive_stats``.
        kind: whether it only grows; or :data:`LATENESS`, which Prometheus has as a histogram.
        unit: as UCUM writes it: ``s``, ``By``, or what is counted, in braces.
        help: one sentence.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str


CONNECTED = Metric(
    "connected", "gauge", "{connection}", "1 while sound can leave, 0 while the connection is made or mended."
)
LATENESS = Metric("lateness", "histogram", "s", "How late packets have left since the connect.")
JITTER = Metric("receive_jitter", "gauge", "s", "Interarrival jitter (RFC 3550) of the user whose network is worst.")
SENT = (
    Metric("packets_sent", "counter", "{packet}", "Audio packets sent, silence among them."),
    Metric("bytes_sent", "counter", "By", "What they took on the wire above UDP."),
    Metric("silence_sent", "counter", "{packet}", "Silence frames that filled the ends of tracks."),
    Metric("keepalives_sent", "counter", "{packet}", "UDP keepalives sent."),
    Metric("packets_received", "counter", "{packet}", "Datagrams that came."),
    Metric("send_errors", "counter", "{packet}", "Packets that the system did not take, or was told did not arrive."),
    Metric("underruns", "counter", "{frame}", "Slots that found a track without a frame though one was due."),
    Metric("missed_slots", "counter", "{frame}", "Slots that came more than a frame late."),
    Metric("withheld", "counter", "{frame}", "Frames that passed unsent while nobody could have opened them."),
    Metric("dropped_commands", "counter", "{command}", "Commands that the clock had no room for."),
    Metric("resumes", "counter", "{resume}", "How often the websocket was resumed."),
    Metric("reconnects", "counter", "{reconnect}", "How often a new voice session took the place of a lost one."),
    Metric("gateway_messages", "counter", "{message}", "Messages of the voice gateway."),
    Metric("gateway_malformed", "counter", "{message}", "Messages that could not be read."),
    Metric("gateway_unknown", "counter", "{message}", "Messages of unknown kinds."),
    Metric("gateway_misplaced", "counter", "{message}", "Messages that came where they mean nothing."),
    Metric("gateway_duplicates", "counter", "{message}", "Messages that a resume brought a second time."),
)
LATENCIES = (
    Metric("latency", "gauge", "s", "Round trip of the last heartbeat of the voice gateway."),
    Metric("average_latency", "gauge", "s", "Mean of the last 20 of them."),
)
RECEIVED = (
    Metric("receive_unheard", "counter", "{packet}", "Datagrams that came while nobody listened."),
    Metric("receive_unknown_dropped", "counter", "{packet}", "Packets whose stream got no user in time."),
    Metric("receive_forged", "counter", "{packet}", "Packets that failed authentication, or came before the key."),
)
HEARD = (
    Metric("receive_received", "counter", "{packet}", "Packets of sound that arrived, of all users."),
    Metric("receive_lost", "counter", "{packet}", "Packets that were not there when their time had come."),
    Metric("receive_late", "counter", "{packet}", "Those of them that came afterwards."),
    Metric("receive_duplicate", "counter", "{packet}", "Packets that came again."),
    Metric("receive_concealed", "counter", "{packet}", "Lost packets filled in from the sound before them."),
    Metric("receive_recovered", "counter", "{packet}", "Lost packets restored from in-band FEC."),
    Metric("receive_failed_to_open", "counter", "{packet}", "Packets that the end-to-end encryption refused."),
)
METRICS = (CONNECTED, *SENT, LATENESS, *LATENCIES, *RECEIVED, *HEARD, JITTER)


class Sample(NamedTuple):
    """One value; there are forty for each connection, so it costs as little as may be.

    Attributes:
        labels: values of :data:`LABELS`.
        value: a number; of :data:`LATENESS` the whole stats, of which each system takes what it can.
    """

    labels: tuple[str, ...]
    value: float | VoiceStats


class Readings:
    """Reads all connections, from any thread."""

    _FRESH = 0.1
    """Seconds for which metrics that are asked for one by one are of one moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: weakref.WeakKeyDictionary[VoiceClient, _Totals] = weakref.WeakKeyDictionary()
        self._read: dict[str, list[Sample]] = {}
        self._read_at = -math.inf
        self._given: set[str] = set()

    def all(self) -> dict[str, list[Sample]]:
        """The values of each metric now, by its name; of those without a value, none."""
        with self._lock:
            return self._look()

    def of(self, metric: Metric) -> list[Sample]:
        """The values of one metric. Who asks for one after the other gets values of one moment."""
        with self._lock:
            now = time.monotonic()
            # Who asks for the same one again has begun anew.
            if metric.name in self._given or now - self._read_at > self._FRESH:
                self._read, self._read_at, self._given = self._look(), now, set()
            self._given.add(metric.name)
            return self._read[metric.name]

    def _look(self) -> dict[str, list[Sample]]:
        found: dict[str, list[Sample]] = {metric.name: [] for metric in METRICS}
        for voice in registry.connected():
            if isinstance(voice, VoiceClient):
                ids = (voice.server_id, getattr(voice.channel, "id", ""), getattr(voice.user, "id", ""))
                labels = tuple(map(str, ids))
                for name, value in self._of(voice):
                    found[name].append(Sample(labels, value))
        return found

    def _of(self, voice: VoiceClient) -> Iterator[tuple[str, float | VoiceStats]]:
        stats, received = voice.stats, voice.receive_stats
        yield CONNECTED.name, float(voice.is_connected())
        for metric in SENT:
            yield metric.name, getattr(stats, metric.name)
        yield LATENESS.name, stats
        for metric in LATENCIES:
            if math.isfinite(value := getattr(stats, metric.name)):
                yield metric.name, value
        for metric in RECEIVED:
            yield metric.name, getattr(received, _field(metric))
        totals = self._totals.setdefault(voice, _Totals()).take(received)
        for metric, total in zip(HEARD, totals, strict=True):
            yield metric.name, total
        if jitters := [user.jitter for user in received.users.values()]:
            yield JITTER.name, max(jitters) / _RATE


class _Totals:
    """Sums over all users that never fall, though those of a user go some time after it has left."""

    def __init__(self) -> None:
        self._sums = [0] * len(HEARD)
        self._known: dict[int, list[int]] = {}

    def take(self, received: ReceiveStats) -> list[int]:
        known = {user: [getattr(counts, _field(metric)) for metric in HEARD] for user, counts in received.users.items()}
        for user, counts in known.items():
            before = self._known.get(user, [0] * len(HEARD))
            for at, (count, earlier) in enumerate(zip(counts, before, strict=True)):
                # Who comes back after it was forgotten begins anew.
                self._sums[at] += count - earlier if count >= earlier else count
        self._known = known
        return self._sums


def _field(metric: Metric) -> str:
    return metric.name.removeprefix("receive_")
