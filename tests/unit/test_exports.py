"""The public names, and what importing them costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import isocord


def test_the_public_names() -> None:
    assert sorted(isocord.__all__) == [
        "AudioFile",
        "AudioFileError",
        "AudioInfo",
        "BargeIn",
        "Broadcast",
        "Caption",
        "ClientError",
        "ClosedError",
        "ConnectError",
        "ConnectionState",
        "DaveError",
        "FFmpegError",
        "Filtered",
        "HeardFrame",
        "Interrupted",
        "IsocordError",
        "Layer",
        "Mark",
        "Mixer",
        "Moment",
        "Monitor",
        "NotASinkError",
        "OpusError",
        "PartialUtterance",
        "Phase",
        "Queue",
        "QueueEntry",
        "QueueEvent",
        "Reason",
        "Recording",
        "RecordingError",
        "Report",
        "Segment",
        "SinkError",
        "Speaker",
        "SpeakerTimeline",
        "SpeakingChanged",
        "StreamError",
        "StreamFullError",
        "StreamSource",
        "Transcript",
        "TranscriptError",
        "UdpError",
        "UnknownHostError",
        "UnsupportedModeError",
        "Utterance",
        "VoiceClient",
        "VoiceStats",
        "VoiceTimeoutError",
        "get",
        "install",
        "monitor",
        "plot",
        "probe",
        "stats",
        "transcribe",
        "uninstall",
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
        "encoder",
        "endpoint",
        "endpoint_ip",
        "guild",
        "initialize",  # for hikari, which calls it
        "is_connected",
        "is_dave_connection",
        "is_paused",
        "is_playing",
        "is_recording",
        "is_speaking",
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
        "start_listening",
        "start_recording",
        "state",
        "stats",
        "stop",
        "stop_listening",
        "stop_recording",
        "supported_modes",
        "sync_start",
        "timeout",
        "toggle_pause",
        "token",
        "user",
        "utterances",
        "verification_code",
        "voice_port",
        "voice_privacy_code",
        "wait_for_state",
        "wait_until_connected",
        "ws",
    }


ROOT = Path(__file__).resolve().parents[2]
DOOR = {"isocord", "isocord._door", "isocord._door.lazy", "isocord._door.voice_extras"}
INTERPRETER = {"__future__", "importlib", "importlib._bootstrap", "importlib._bootstrap_external", "warnings"}
"""What ``import importlib`` costs; no interpreter comes without."""
FOLDER = str(Path(isocord.__file__).parents[1])


def loaded_by(statement: str, before: str = "pass") -> set[str]:
    """The modules that a statement loads in an interpreter that has loaded nothing but itself."""
    code = f"import sys; sys.path.append({FOLDER!r}); {before}; known = set(sys.modules); {statement}\n"
    command = [sys.executable, "-I", "-S", "-c", code + "print(*set(sys.modules) - known)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_importing_it_loads_nothing_but_its_door() -> None:
    assert loaded_by("import isocord") - INTERPRETER == DOOR


def test_its_pytest_plugin_loads_nothing_else_than_pytest() -> None:
    packages = [path for path in sys.path if path.endswith("site-packages")]
    loaded = loaded_by("import isocord.testing.pytest_plugin", f"sys.path += {packages!r}; import pytest, importlib")
    assert loaded == DOOR | {"isocord.testing", "isocord.testing.errors", "isocord.testing.pytest_plugin"}


def test_the_version_is_the_one_that_was_built() -> None:
    manifest = (ROOT / "Cargo.toml").read_text("utf-8")
    assert f'\nversion = "{isocord.__version__}"\n' in manifest
    assert "__version__" in dir(isocord)


def test_a_frozen_bot_has_the_version_without_metadata_of_packages() -> None:
    code = """
import importlib.metadata as metadata

def none(*_):
    raise metadata.PackageNotFoundError("isocord")

metadata.version = metadata.distribution = none
import isocord
from isocord.monitoring.snapshot import snapshot
from isocord.monitoring.speakers import Speakers

print(isocord.__version__, snapshot(Speakers())["isocord"])
from isocord.cli.main import main
main(["--version"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    version = isocord.__version__
    assert (done.stdout, done.stderr) == (f"{version} {version}\nisocord {version}\n", "")


def test_what_only_type_checkers_read_is_not_needed_at_run_time() -> None:
    """Below ``if TYPE_CHECKING:`` an import is indented."""
    for path in (ROOT / "python").rglob("*.py"):
        assert not re.search(r"^(from|import) typing_extensions", path.read_text("utf-8"), re.MULTILINE), path
    assert '\ndependencies = ["aiohttp>=3.9"]\n' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_importing_it_starts_no_thread() -> None:
    code = "import threading, isocord; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("name", ["metrics", "sinks", "testing"])
def test_its_modules_are_there_without_an_import_of_their_own(name: str) -> None:
    code = f"import sys, isocord; assert 'isocord.{name}' not in sys.modules; help(isocord.{name})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert f"isocord.{name}" in done.stdout
    assert name in dir(isocord)
