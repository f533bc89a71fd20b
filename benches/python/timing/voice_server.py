"""The sending half of a voice server, in a process of its own: ``python -m timing.voice_server SPEAKERS SECONDS
CLIENTS``.

It prints its port, answers the clients' IP discovery, waits for a line, and then sends each client a packet of each
speaker every 20 ms, one client after the other, evenly spread. All are sealed before the first one leaves.
"""

from __future__ import annotations

import socket
import sys
import time

from isocord import _native
from isocord.testing.wire.ciphers import make_cipher
from isocord.testing.wire.rtp import RtpHeader, build_discovery_response, parse_discovery_request

from .sounds import chord

KEY = bytes(range(32))
MODE = "aead_aes256_gcm_rtpsize"
_FRAME = 0.020
_FRAME_BYTES = 3840


def packets(pcm: bytes) -> list[bytes]:
    """The sound as Opus at 64 kbit/s, as Discord's clients send it."""
    encoder = _native.OpusEncoder(_native.EncoderOptions(bitrate=64, application="voip"))
    return [encoder.encode(pcm[at : at + _FRAME_BYTES]) for at in range(0, len(pcm), _FRAME_BYTES)]


def main() -> None:
    speakers, seconds, clients = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    slots = round(seconds / _FRAME)
    opus, cipher = packets(chord(2.0)), make_cipher(MODE, KEY)
    sealed = []
    for slot in range(slots):
        row = []
        for number in range(speakers):
            header = RtpHeader(seq=slot & 0xFFFF, timestamp=slot * 960, ssrc=100 + number).build()
            # Each speaker is elsewhere in the same sound.
            row.append(cipher.seal(header, opus[(slot + 7 * number) % len(opus)]))
        sealed.append(row)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        print(server.getsockname()[1], flush=True)
        addresses = []
        while len(addresses) < clients:
            request, client = server.recvfrom(2048)
            ssrc = parse_discovery_request(request)
            if ssrc is None or client in addresses:
                continue
            addresses.append(client)
            server.sendto(build_discovery_response(ssrc, *client), client)
        sys.stdin.readline()
        due = time.monotonic()
        for row in sealed:
            for client in addresses:
                due += _FRAME / clients
                time.sleep(max(0.0, due - time.monotonic()))
                for packet in row:
                    server.sendto(packet, client)
        # Until it is ended.
        sys.stdin.readline()


if __name__ == "__main__":
    main()
