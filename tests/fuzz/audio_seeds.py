"""Seeds for the fuzzer of AudioFile, of what isocord reads and does not write: ``python -m tests.fuzz.audio_seeds``.

They stand beside those of ``rust/fuzz/examples/audio_seeds.rs``, each a tenth of a second behind the two bytes that say
how it is played. Without them a fuzzer finds the way into hardly any decoder by itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..unit.chirps import encode

CORPUS = Path(__file__).resolve().parents[2] / "rust" / "fuzz" / "corpus" / "audio_file"
HOW = bytes((1, 5))
SECONDS = 0.1
FORMATS = (
    ("flac", ".flac", 8_000),
    ("flac", ".ogg", 8_000),
    ("flac", ".mka", 8_000),
    ("vorbis", ".ogg", 44_100),
    ("vorbis", ".webm", 44_100),
    ("aac", ".aac", 16_000),
    ("aac", ".m4a", 16_000),
    ("aac", ".mka", 16_000),
    ("aac", ".ts", 16_000),
    ("alac", ".m4a", 8_000),
    ("libmp3lame", ".mp3", 16_000),
    ("libmp3lame", ".mka", 44_100),
    ("mp2", ".mp2", 16_000),
    ("libopus", ".ogg", 48_000),
    ("libopus", ".webm", 48_000),
    ("libopus", ".mp4", 48_000),
    ("adpcm_ms", ".wav", 8_000),
    ("adpcm_ima_wav", ".wav", 8_000),
    ("pcm_mulaw", ".wav", 8_000),
    ("pcm_f32le", ".wav", 8_000),
    ("pcm_s24be", ".aiff", 8_000),
    ("pcm_s16be", ".caf", 8_000),
)
IN_PIECES = {"movflags": "frag_keyframe+empty_moov"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for codec, suffix, rate in FORMATS:
            path = encode(Path(folder, f"{codec}{suffix}"), codec, rate, bit_rate=32_000, seconds=SECONDS)
            write(f"{codec}_in_{suffix[1:]}", path)
        path = Path(folder, "pieces.mp4")
        write("aac_in_pieces", encode(path, "aac", 16_000, container_options=IN_PIECES, seconds=SECONDS))


def write(name: str, path: Path) -> None:
    (CORPUS / name).write_bytes(HOW + path.read_bytes())


if __name__ == "__main__":
    main()
