"""What is known of the bot libraries, without any of them: payloads, exceptions, sources behind sources."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isocord.connection.states import VoiceServerUpdate, VoiceStateUpdate
from isocord.errors import (
    ClientError,
    ConnectError,
    IsocordError,
    NotASinkError,
    OpusError,
    RecordingError,
    UnknownHostError,
)
from isocord.hosts import host_of, payloads
from isocord.hosts.base import Host


class HostClientError(Exception):
    pass


class HostRecordingError(Exception):
    pass


class HostOpusError(Exception):
    def __init__(self, code: int) -> None:
        raise RuntimeError("asks a libopus that is not loaded")


class FFmpegAudio:
    pass


HOST = Host(
    name="test",
    voice_protocol=object,
    audio_source=object,
    ffmpeg_audio=FFmpegAudio,
    client_exception=HostClientError,
    opus_error=HostOpusError,
    recording_exceptions=(HostRecordingError, HostClientError),
)


class Deprecated(SimpleNamespace):
    """An event object whose indexing must not be used."""

    def get(self, key: str) -> Any:
        pytest.fail("the objects are not to be indexed")

    __getitem__ = get


class TestPayloads:
    @pytest.mark.parametrize("form", [dict, Deprecated])
    def test_voice_states_in_both_forms(self, form: Any) -> None:
        given = form(session_id="s", channel_id="12", self_mute=True, self_deaf=False)
        assert payloads.voice_state(given) == VoiceStateUpdate("s", 12, self_mute=True, self_deaf=False)
        assert payloads.voice_state(form(session_id="s", channel_id=None)).channel_id is None
        assert payloads.voice_state(form(session_id="s", channel_id=12)).channel_id == 12

    @pytest.mark.parametrize("form", [dict, Deprecated])
    def test_voice_servers_in_both_forms(self, form: Any) -> None:
        given = form(token="t", guild_id="1", endpoint="wss://host:443/")
        assert payloads.voice_server(given) == VoiceServerUpdate("t", "host:443")
        assert payloads.voice_server(form(token="t", endpoint=None)).endpoint is None
        assert payloads.voice_server(form(token="t")).endpoint is None

    @pytest.mark.parametrize("given", [{}, {"session_id": None}, {"session_id": "s", "channel_id": "x"}])
    def test_senseless_ones_are_value_errors(self, given: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"session|invalid literal"):
            payloads.voice_state(given)
        with pytest.raises(ValueError, match="token"):
            payloads.voice_server(given)


class TestErrors:
    def test_each_is_isocords_and_the_librarys(self) -> None:
        error = HOST.error(ClientError, "no")
        assert isinstance(error, (ClientError, IsocordError))
        assert isinstance(error, HostClientError)
        assert str(error) == "no"
        assert type(error).__name__ == "ClientError"
        assert type(error) is type(HOST.error(ClientError, "again"))

    def test_a_refusal_carries_its_code(self) -> None:
        error = HOST.error(ConnectError, "refused", 4017)
        assert isinstance(error, HostClientError)
        assert error.code == 4017

    def test_an_opus_error_needs_no_libopus(self) -> None:
        error = HOST.error(OpusError, "too long")
        assert isinstance(error, HostOpusError)
        assert str(error) == "too long"

    @pytest.mark.parametrize("kind", [ClientError, ConnectError, OpusError, RecordingError, NotASinkError])
    def test_they_survive_being_sent_to_another_process(self, kind: type[IsocordError]) -> None:
        error = HOST.error(kind, "no", 4006)
        error.note = "of the bot's"  # type: ignore[attr-defined]
        for made in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(made) is type(error)
            assert (made.args, vars(made)) == (("no",), {"code": 4006, "note": "of the bot's"})

    def test_plain_ones_survive_it_too(self) -> None:
        made = pickle.loads(pickle.dumps(ConnectError("no", 4006)))
        assert (type(made), made.args, made.code) == (ConnectError, ("no",), 4006)

    def test_all_exceptions_of_a_library_are_met(self) -> None:
        error = HOST.error(NotASinkError, "no")
        assert isinstance(error, (HostRecordingError, HostClientError))
        assert isinstance(error, TypeError)


class TestSources:
    def test_a_process_is_found_behind_transformers(self) -> None:
        process = FFmpegAudio()
        assert HOST.process_of(process) is process
        assert HOST.process_of(SimpleNamespace(original=SimpleNamespace(original=process))) is process
        assert HOST.process_of(SimpleNamespace(original=SimpleNamespace())) is None
        endless = SimpleNamespace()
        endless.original = endless
        assert HOST.process_of(endless) is None


class TestNetwork:
    def test_proxy_and_tls_settings_are_taken_over(self) -> None:
        context = object()
        http = SimpleNamespace(proxy="http://p", proxy_auth="auth", connector=SimpleNamespace(_ssl=context))
        options = HOST.socket_options(SimpleNamespace(http=http))
        assert (options.proxy, options.proxy_auth, options.ssl) == ("http://p", "auth", context)
        assert "http://p" not in repr(options)

    def test_private_names_serve_as_well(self) -> None:
        http = SimpleNamespace(_proxy="http://p", _proxy_auth=None, _connector=SimpleNamespace(_ssl=True))
        options = HOST.socket_options(SimpleNamespace(http=http))
        assert (options.proxy, options.proxy_auth, options.ssl) == ("http://p", None, None)

    def test_verification_that_was_switched_off_stays_off(self) -> None:
        http = SimpleNamespace(connector=SimpleNamespace(_ssl=False))
        assert HOST.socket_options(SimpleNamespace(http=http)).ssl is False

    def test_a_socks_connector_is_made_again_for_the_gateway_thread(self, caplog: pytest.LogCaptureFixture) -> None:
        class ProxyConnector:
            """As that of aiohttp_socks."""

            def __init__(self, host: str, port: int, proxy_type: str, **options: Any) -> None:
                self._proxy_host, self._proxy_port, self._proxy_type = host, port, proxy_type
                self._proxy_username, self._proxy_password = options.get("username"), options.get("password")
                self._rdns, self._proxy_ssl = options.get("rdns"), options.get("proxy_ssl")

        bots = ProxyConnector("127.0.0.1", 1080, "socks5", username="user", password="hunter2", rdns=True)
        options = HOST.socket_options(SimpleNamespace(http=SimpleNamespace(connector=bots)))
        assert options.connector is not None
        ours = options.connector.make()
        assert ours is not bots
        assert vars(ours) == vars(bots)
        assert "hunter2" not in repr(options)
        assert caplog.text == ""

    def test_a_connector_that_cannot_be_made_again_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        class TunnelConnector:
            pass

        options = HOST.socket_options(SimpleNamespace(http=SimpleNamespace(connector=TunnelConnector())))
        assert options.connector is None
        assert "TunnelConnector cannot be used for voice" in caplog.text


def test_a_client_of_nobody_is_refused() -> None:
    with pytest.raises(UnknownHostError, match="SimpleNamespace"):
        host_of(SimpleNamespace())


PACKAGE = {
    "discord/__init__.py": "",
    "discord/errors.py": """
        class MissingVoiceDependenciesError(RuntimeError):
            def __init__(self, missing):
                self.missing = missing
    """,
    "discord/voice/__init__.py": """
        from ..errors import MissingVoiceDependenciesError
        missing = []
        for name in ("nacl.secret", "davey"):
            try:
                __import__(name)
            except ImportError:
                missing.append(name)
        if missing:
            raise MissingVoiceDependenciesError(missing=tuple(missing))
        from ._types import VoiceProtocol
        VoiceClient = object()
    """,
    "discord/voice/_types.py": "class VoiceProtocol: pass",
}


class TestVoiceExtras:
    """In an interpreter of its own, with a package built like py-cord's."""

    def run(self, folder: Path, code: str, **modules: str) -> str:
        for name, text in {**PACKAGE, **modules}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        block = "" if modules else "sys.modules.update({'nacl': None, 'nacl.secret': None, 'davey': None});"
        start = f"import sys; sys.path.insert(0, {str(folder)!r}); {block}"
        code = textwrap.dedent(code)
        command = [sys.executable, "-c", f"{start}\n{code}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def test_without_the_extras_the_protocol_imports(self, tmp_path: Path) -> None:
        code = """
            import isocord
            from discord.voice._types import VoiceProtocol
            import discord.voice
            print(discord.voice.VoiceProtocol is VoiceProtocol)
        """
        assert self.run(tmp_path, code) == "True"

    def test_also_if_the_import_failed_before(self, tmp_path: Path) -> None:
        code = """
            try:
                import discord.voice
            except RuntimeError:
                print("refused")
            import isocord, discord.voice
            print(discord.voice.VoiceProtocol.__name__)
        """
        assert self.run(tmp_path, code).split() == ["refused", "VoiceProtocol"]

    def test_the_librarys_own_client_is_refused_as_ever(self, tmp_path: Path) -> None:
        code = """
            import isocord
            try:
                from discord.voice import VoiceClient
            except RuntimeError as error:
                print(type(error).__name__, error.missing)
            import discord.voice
            print(hasattr(discord.voice, "something_else"), hasattr(discord.voice, "__wrapped__"))
        """
        lines = self.run(tmp_path, code).splitlines()
        assert lines == ["MissingVoiceDependenciesError ('PyNaCl', 'davey')", "False False"]

    def test_with_the_extras_nothing_changes(self, tmp_path: Path) -> None:
        code = """
            import isocord
            from discord.voice import VoiceClient
            import discord.voice
            print(type(discord.voice.__loader__).__name__)
        """
        extras = {"nacl/__init__.py": "", "nacl/secret.py": "", "nacl/utils.py": "", "davey.py": ""}
        assert self.run(tmp_path, code, **extras) == "SourceFileLoader"
