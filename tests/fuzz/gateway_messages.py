"""A fuzzer of all that a voice server, a network and Discord can tell a connection, through the whole of it.

``python -m tests.fuzz.gateway_messages --seconds 3600`` runs it; ``--seed N`` begins with story N. Each story is one
connection in virtual time with some hundred happenings: most are right, some are wrong in one place, some are rubbish.
After each one the connection has to be established, over, or to have a deadline, within what it may hold and say.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from isocord import _native
from isocord.connection.session.roster import MOST_USERS
from isocord.connection.states import Phase, Reason, VoiceServerUpdate, VoiceStateUpdate
from isocord.gateway.protocol.messages import LONGEST_TEXT
from isocord.gateway.protocol.protocol import GatewayState

from ..unit.flow_invariants import check
from .ground import CHANNEL, Ground, without_connection

MODE = _native.TRANSPORT_MODES[0]
BODIES: dict[int, dict[str, Any]] = {
    8: {"heartbeat_interval": 10_000},
    2: {"ssrc": 7, "ip": "10.0.0.1", "port": 50_000, "modes": [MODE]},
    4: {"mode": MODE, "secret_key": [5] * 32, "dave_protocol_version": 1},
    5: {"user_id": "8", "ssrc": 9, "speaking": 1},
    11: {"user_ids": ["8", "9"]},
    13: {"user_id": "8"},
    21: {"transition_id": 1, "protocol_version": 1},
    22: {"transition_id": 1},
    24: {"protocol_version": 1, "epoch": 1},
    6: {"t": 1},
    9: {},
    3: {"t": 1},
    7: {},
    12: {"user_id": "8", "video_ssrc": 0},
    20: {"platform": 0},
}
CODES = [None, None, 1001, 1006, 1009, 4001, 4006, 4009, 4014, 4015, 4022, 4900, 4999]
ENDS = [1000, 4004, 4012, 4016, 4017, 4021]
HUGE = 10**400


class Fuzzer:
    """One story.

    Args:
        seed: which one.
        counts: what happened, over all stories.
    """

    def __init__(self, seed: int, counts: Counter[str]) -> None:
        self.random = random.Random(seed)
        self.counts = counts
        self.ground = Ground(reconnect=self.random.random() < 0.9)
        self.seq = 0
        self.service = _native.DeliveryService(CHANNEL)
        self.story: list[str] = []

    def run(self, length: int) -> None:
        """Tell it.

        Raises:
            AssertionError: something does not hold.
        """
        ground = self.ground
        ground.enter(ground.driver.start)
        self.check()
        for _ in range(length):
            # A handshake that is disturbed at each step would never come to its end.
            established = ground.flow.state.phase is Phase.CONNECTED
            happenings = [self.right_message, self.wrong_message, self.binary, self.rubbish]
            happenings += [self.network, self.discord, self.bot]
            weights = [30, 30, 15, 5, 5, 4, 3] if established else [60, 4, 4, 1, 2, 1, 1]
            happening = self.random.choices(happenings, weights)[0]
            happening()
            self.check()
            if self.random.random() < 0.4:
                self.wait(
                    self.random.choice([0.0, 0.01, 0.01, 0.1, 0.1, 1.0, 5.0, 12.0] if established else [0.01, 0.1])
                )
            if ground.flow.state.phase is Phase.DISCONNECTED:
                break
        self.settle()

    def settle(self) -> None:
        """Left alone, it is over or established within its time."""
        for _ in range(80):
            if self.ground.flow.state.phase in (Phase.DISCONNECTED, Phase.CONNECTED):
                break
            self.wait(10.0)
        assert self.ground.flow.state.phase in (Phase.DISCONNECTED, Phase.CONNECTED), "it hangs"
        self.counts[f"ended as {self.ground.flow.state.reason.name}"] += 1

    # What happens.

    def note(self, what: str) -> None:
        self.story.append(what[:300])
        self.counts[what.split(" ", maxsplit=1)[0]] += 1

    def receive(self, data: str | bytes) -> None:
        handler = self.ground.handler()
        if handler is not None:
            self.counts["messages"] += 1
            handler.socket_received(data)

    def message(self, op: object, d: object, seq: object = None) -> str:
        body: dict[str, Any] = {"op": op, "d": d}
        if seq is not None:
            body["seq"] = seq
        return json.dumps(body)

    def right_message(self) -> None:
        """What a server would say now, mostly."""
        session = self.ground.driver.media.session
        state = session.protocol.state if session is not None else None
        wanted = {GatewayState.IDENTIFYING: [8, 2], GatewayState.RESUMING: [8, 9], GatewayState.SELECTED: [4]}
        if state is GatewayState.DETACHED and self.ground.handler() is not None:
            self.note("opened")
            self.ground.sockets[-1].slow = self.random.choice([0.0, 0.0, 0.05, 1.0])
            self.ground.handler().socket_opened()
            return
        if state is GatewayState.SELECTING:
            self.discover()
            return
        op = self.random.choice(wanted.get(state, [5, 11, 13, 6, 21, 22, 24]) if state else [8])
        d: Any = dict(BODIES[op])
        if op == 6 and session is not None:
            d = {"t": session.protocol._beat_nonce}
        if "user_id" in d:
            d["user_id"] = str(self.random.randint(0, 10_000))
        self.seq += 1
        text = self.message(op, d, self.seq if self.random.random() < 0.7 else None)
        self.note(f"right {text}")
        self.receive(text)

    def wrong_message(self) -> None:
        """A message that is wrong in some places."""
        op: object = self.random.choice(list(BODIES))
        d: Any = dict(BODIES[op])  # type: ignore[index]
        for _ in range(self.random.randint(0, 2)):
            if d:
                d[self.random.choice(list(d))] = self.anything()
        kind = self.random.random()
        if kind < 0.1:
            d = self.anything()
        elif kind < 0.2 and d:
            d.pop(self.random.choice(list(d)))
        elif kind < 0.25:
            op = self.anything()
        text = self.message(op, d, self.anything() if self.random.random() < 0.2 else None)
        self.note(f"wrong {text}")
        self.receive(text)

    def anything(self, depth: int = 0) -> Any:
        pick = self.random.random()
        if pick < 0.45 or depth > 3:
            edge = self.random.choice([0, 1, 2, 99, 255, 0x7FFF, 0xFFFF, 0xFFFF_FFFF, 2**53, 2**63, 2**64 - 1, HUGE])
            number = self.random.choice([1, 1, 1, -1]) * edge + self.random.choice([-1, 0, 0, 1])
            return str(number) if self.random.random() < 0.2 else number
        if pick < 0.55:
            return self.random.choice([0.0, -0.0, 1.5, 1e308, float("inf"), float("-inf"), float("nan")])
        if pick < 0.75:
            text = self.random.choice(["", "x", MODE, "10.0.0.1", "::1", "\n\x1b[31m", "\ud800", "\u202e", "1" * 30])
            return text * self.random.choice([1, 1, 1, 50, 2000])
        if pick < 0.85:
            return self.random.choice([None, True, False])
        if pick < 0.95:
            return [self.anything(depth + 1) for _ in range(self.random.choice([0, 1, 3, 32, 33]))]
        return {self.random.choice(["a", "t", "ssrc"]): self.anything(depth + 1) for _ in range(3)}

    def binary(self) -> None:
        """A message of the encryption: a right one, a damaged one, or bytes."""
        pick = self.random.random()
        if pick < 0.3:
            op, payload = 25, self.service.external_sender()
        elif pick < 0.5:
            other = _native.DaveSession(None, 8, CHANNEL)
            outputs = [*other.session_description(1), *other.binary(25, self.service.external_sender())]
            package = next((one for one in outputs if isinstance(one, bytes) and one[0] == 26), b"\0")
            try:
                proposals = self.service.add(8, package[1:])
            except Exception:
                self.service.reset()
                proposals = []
            op, payload = 27, proposals[0][0] if proposals else b""
        else:
            op = self.random.choice([25, 27, 29, 30, self.random.randint(0, 255)])
            payload = self.random.randbytes(self.random.choice([0, 1, 2, 10, 100, 5000]))
        damaged = bytearray(payload)
        if damaged and self.random.random() < 0.5:
            for _ in range(self.random.randint(1, 4)):
                damaged[self.random.randrange(len(damaged))] = self.random.randint(0, 255)
        self.seq += 1
        data = (self.seq & 0xFFFF).to_bytes(2, "big") + bytes([op]) + bytes(damaged)
        self.note(f"binary {data[:20].hex()} ({len(data)})")
        self.receive(data[: self.random.randint(0, 4)] if self.random.random() < 0.1 else data)

    def rubbish(self) -> None:
        """No message at all."""
        right = self.message(5, BODIES[5])
        text = self.random.choice(
            [
                "",
                right[: self.random.randrange(len(right))],
                "[" * self.random.choice([1, 33, 5000]),
                "[" * 33 + "]" * 33,
                '{"op":5,"d":' + "[" * 100_000,
                '"' + '\\"' * 50_000,
                "1" * self.random.choice([10, 5000]),
                " " * (LONGEST_TEXT + 1),
                "".join(chr(self.random.randrange(0xD800)) for _ in range(50)),
            ]
        )
        self.note(f"rubbish {text[:40]!r}")
        self.receive(text)

    def discover(self) -> None:
        session = self.ground.driver.media.session
        if session is None:
            return
        failed = self.random.random() < 0.1
        self.note(f"{'undiscovered' if failed else 'discovered'}")
        event = type("Event", (), {"address": "1.2.3.4", "port": 99, "reason": "a black hole"})()
        self.ground.enter(session.discovery_failed if failed else session.discovered, event)

    def network(self) -> None:
        """The websocket, or the way of the packets, breaks."""
        pick = self.random.random()
        if pick < 0.7:
            code = self.random.choice(ENDS if self.random.random() < 0.03 else CODES)
            self.note(f"lost {code}")
            self.ground.lose(code, "gone\r\n" * self.random.choice([1, 10_000]))
        elif pick < 0.71:
            self.note("untrusted")
            self.ground.lose(None, "no certificate", trusted=False)
        else:
            self.discover()

    def discord(self) -> None:
        """What the bot's own gateway says."""
        flow, driver = self.ground.flow, self.ground.driver
        channel = self.random.choice([CHANNEL, CHANNEL, CHANNEL, 200])
        session = self.random.choice(["session", "session", "session 2"])
        token = f"token {self.random.randint(0, 3)}"
        endpoint = self.random.choice(["a:1", "a:1", "b:2", None])
        happenings: list[Callable[[], object]] = [
            lambda: driver.decide(flow.voice_state, VoiceStateUpdate(session, channel)),
            lambda: driver.decide(flow.voice_server, VoiceServerUpdate(token, endpoint)),
            lambda: driver.decide(flow.rejoin_main_gateway),
            lambda: driver.decide(flow.hold),
            lambda: driver.decide(flow.maybe_left),
            lambda: driver.decide(flow.voice_state, VoiceStateUpdate(session, None)),
        ]
        which = self.random.choices(range(6), [10, 10, 2, 2, 0.2, 0.2])[0]
        self.note(f"discord {which}")
        self.ground.enter(happenings[which])

    def bot(self) -> None:
        """What the bot does."""
        ground = self.ground
        which = self.random.choices(["play", "silence", "speak", "move", "stop"], [10, 5, 5, 3, 0.1])[0]
        self.note(f"bot {which}")
        match which:
            case "play" | "silence":
                ground.player.sounding = which == "play"
                ground.enter(ground.driver.media.speaker.sync)
            case "speak":
                ground.driver.media.speaker._manual_flags = self.random.choice([0, 1, 4, 5])
                ground.enter(ground.driver.media.speaker.sync)
            case "move":
                ground.flow.move(200)
                ground.enter(ground.driver.act)
            case "stop":
                ground.flow.stop(Reason.REQUESTED)
                ground.enter(ground.driver.act)

    def wait(self, seconds: float) -> None:
        """Let time pass; voice states are written, and usually answered."""
        ground = self.ground
        link = ground.link
        sent, link.sent = link.sent, []
        for done in sent:
            done()
        if link.asked and link.asked[-1] is not None and self.random.random() < 0.7:
            channel, link.asked[-1] = link.asked[-1], None
            driver, flow = ground.driver, ground.flow
            server = VoiceServerUpdate(f"token {self.random.randint(0, 9)}", "a:1")
            ground.enter(driver.decide, flow.voice_state, VoiceStateUpdate("session", channel))
            ground.enter(driver.decide, flow.voice_server, server)
        if self.random.random() < 0.5:
            ground.native.packets_sent += 50 * ground.native.session * ground.player.sounding
        ground.thread.loop.run(ground.thread.loop.now + seconds, most=2000)
        self.check()

    # What has to hold.

    def check(self) -> None:
        """Raise AssertionError if it does not."""
        ground = self.ground
        flow, driver = ground.flow, ground.driver
        assert not ground.broken, repr(ground.broken[0])
        check(flow, ground.thread.loop.now)
        state = flow.state
        assert driver.state == state
        assert str(state).isprintable()
        assert len(str(state)) < 500
        if flow.deadline is not None:
            assert driver._timer is not None
            assert driver._timer.when <= flow.deadline  # type: ignore[operator]
        session = driver.media.session
        if session is not None and session.deadline is not None and not driver.media.closed:
            assert driver.media._timer is not None
            assert driver.media._timer.when <= session.deadline  # type: ignore[operator]
        if state.phase is Phase.CONNECTED:
            assert ground.native.session
            assert driver.media.session is not None
            assert driver.media.session.protocol.state is GatewayState.ESTABLISHED
        assert len(driver.media._roster._ssrcs) <= MOST_USERS
        if ground.sockets:
            sent, ground.sockets[-1].sent = ground.sockets[-1].sent, []
            # Not more is said than was heard: no message makes a flood of answers.
            assert len(sent) <= 20
            assert all(len(one) < 20_000 for one in sent)
        if driver.media.encryption is not None:
            assert len(driver.media.encryption._waiting) <= 256
        if driver.media.session is not None:
            protocol = driver.media.session.protocol
            assert len(protocol._events) == 0 or state.phase is Phase.DISCONNECTED
            assert len(protocol._outgoing) + len(protocol._encryption_outgoing) <= 512
            assert protocol._seq_ack <= 2**64


def fuzz(first: int, seconds: float, most: int | None = None, length: int = 200) -> Counter[str]:
    """Tell stories for that long, and count.

    Raises:
        AssertionError: a story went wrong; its number and its end are in the notes.
    """
    counts: Counter[str] = Counter()
    until = time.monotonic() + seconds
    seed = first
    while time.monotonic() < until and (most is None or seed < first + most):
        fuzzer = Fuzzer(seed, counts)
        try:
            fuzzer.run(length)
        except BaseException as error:
            raise AssertionError(f"story {seed}: {error!r}; at last {fuzzer.story[-8:]}") from error
        counts["stories"] += 1
        seed += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    without_connection(setattr)
    began, seed = time.monotonic(), arguments.seed
    total: Counter[str] = Counter()
    while (left := arguments.seconds - (time.monotonic() - began)) > 0:
        total += fuzz(seed, min(left, 60.0))
        seed = arguments.seed + total["stories"]
        print(f"{time.monotonic() - began:.0f} s: {dict(sorted(total.items()))}", flush=True)


if __name__ == "__main__":
    main()
