"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import isocord


def test_the_public_names() -> None:
    assert sorted(isocord.__all__) == [
        "AudioFile",
        "AudioFileError",
        "ClientError",
        "ClosedError",
        "ConnectError",
        "ConnectionState",
        "DaveError",
        "HeardFrame",
        "IsocordError",
        "NotASinkError",
        "OpusError",
        "Phase",
        "Reason",
        "RecordingError",
        "SinkError",
        "SpeakingChanged",
        "UdpError",
        "UnknownHostError",
        "UnsupportedModeError",
        "VoiceClient",
        "VoiceStats",
    ]
    assert all(hasattr(isocord, name) for name in isocord.__all__)


def test_the_surface_of_the_voice_client() -> None:
    public = {name for name in dir(isocord.VoiceClient) if not name.startswith("_")}
    assert public == {
        "average_latency",
        "cleanup",
        "connect",
        "disconnect",
        "dispatch_speaking",
        "decoder",
        "elapsed",
        "endpoint",
        "endpoint_ip",
        "guild",
        "is_connected",
        "is_dave_connection",
        "is_paused",
        "is_playing",
        "is_recording",
        "latency",
        "listen",
        "listen_with",
        "mode",
        "move_to",
        "on_voice_server_update",
        "on_voice_state_update",
        "pause",
        "paused",
        "play",
        "privacy_code",
        "receive_stats",
        "recording",
        "resume",
        "secret_key",
        "send_audio_packet",
        "server_id",
        "session_id",
        "sink",
        "source",
        "ssrc",
        "start_recording",
        "state",
        "stats",
        "stop",
        "stop_recording",
        "supported_modes",
        "sync_start",
        "timeout",
        "toggle_pause",
        "token",
        "user",
        "verification_code",
        "voice_port",
        "voice_privacy_code",
        "wait_for_state",
        "wait_until_connected",
        "ws",
    }


def test_importing_it_loads_no_bot_library_and_no_aiohttp() -> None:
    names = ("discord", "disnake", "nextcord", "aiohttp", "nacl", "davey")
    code = f"import sys, isocord; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_it_starts_no_thread() -> None:
    code = "import threading, isocord; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("name", ["sinks", "testing"])
def test_its_modules_are_there_without_an_import_of_their_own(name: str) -> None:
    code = f"import sys, isocord; assert 'isocord.{name}' not in sys.modules; help(isocord.{name})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert f"isocord.{name}" in done.stdout
    assert name in dir(isocord)
