"""Recordings of what is heard on another machine: frames come by hand, placed on a clock that is a little off."""

from __future__ import annotations

import io
import wave
from typing import Any

import pytest

from isocord import _native
from isocord.remote.listener import RelayedRecording, RemoteListener, placed

np = pytest.importorskip("numpy")
FRAME = 960


def ignore(event: object) -> None:
    pass


def frame(position: int, value: int, user_id: int = 7) -> _native.HeardFrame:
    pcm = np.full(2 * FRAME, value, "<i2").tobytes()
    return _native.HeardFrame(user_id, position, FRAME, "voice", pcm, level=-20.0)


def finished(recording: _native.Recording) -> Any:
    for _ in range(150):
        if (report := recording.wait(0.1)) is not None:
            return report
    return pytest.fail("it did not end")


def samples(file: io.BytesIO) -> Any:
    with wave.open(io.BytesIO(file.getvalue())) as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2")[::2]


def record(connection: _native.Connection, file: Any) -> _native.Recording:
    return connection.record(lambda part: file, format="wav", layout="mixdown", relayed=True)


def test_frames_are_where_the_clock_of_this_machine_has_them() -> None:
    connection, file = _native.Connection(ignore), io.BytesIO()
    recording = record(connection, file)
    assert recording.form == "pcm"
    begun, shift = recording.position, -1_000_000
    frames = [frame(begun - shift + at * FRAME, 1000 + at) for at in range(10)]
    recording.hear(frames[:5], shift)
    recording.hear([*frames[7:], _native.HeardFrame(7, begun, FRAME, "voice", b"short", level=0.0)], shift)
    recording.hear_no_more()
    assert finished(recording).frames == 8
    assert recording.form is None
    sound = samples(file)
    for at in (0, 4, 7, 9):
        assert set(sound[at * FRAME + 10 : (at + 1) * FRAME - 10]) == {1000 + at}
    assert not sound[5 * FRAME + 400 : 7 * FRAME - 400].any()
    connection.close()


def test_packets_are_taken_as_they_came() -> None:
    connection, file = _native.Connection(ignore), io.BytesIO()
    recording = connection.record(lambda user, part: file, format="ogg", relayed=True)
    assert recording.form == "opus"
    packet = b"\xfc\xff\xfe"
    heard = [_native.HeardFrame(7, recording.position + at * FRAME, FRAME, "voice", packet) for at in range(3)]
    recording.hear([*heard, frame(recording.position, 1)], 0)
    recording.hear_no_more()
    assert finished(recording).frames == 3
    assert file.getvalue()[:4] == b"OggS"
    connection.close()


def test_our_own_voice_comes_as_packets_whatever_others_come_as() -> None:
    connection, file = _native.Connection(ignore), io.BytesIO()
    recording = connection.record(lambda part: file, format="wav", layout="mixdown", own_user=5, relayed=True)
    encoder, begun, shift = _native.OpusEncoder(), recording.position, -4_800
    said = np.repeat((8_000 * np.sin(np.arange(10 * FRAME) / 12)).astype("<i2"), 2).tobytes()
    packets = [encoder.encode(said[at : at + 4 * FRAME]) for at in range(0, len(said), 4 * FRAME)]
    ours = [_native.HeardFrame(5, begun - shift + at * FRAME, FRAME, "voice", one) for at, one in enumerate(packets)]
    # A packet of somebody else's is not of the form that was asked for, and what is none at all is left out.
    wrong = [_native.HeardFrame(user, begun, FRAME, "voice", data) for user, data in ((6, packets[0]), (5, b""))]
    recording.hear([*ours, *wrong, frame(begun - shift, 0)], shift)
    recording.hear_no_more()
    assert finished(recording).frames == 11
    sound = samples(file)
    assert np.abs(sound[5 * FRAME : 9 * FRAME]).max() > 7_000
    connection.close()


def test_one_that_is_not_relayed_takes_no_frames_by_hand() -> None:
    connection = _native.Connection(ignore)
    recording = connection.record(lambda part: io.BytesIO(), format="wav", layout="mixdown")
    assert recording.form is None
    recording.hear([frame(recording.position, 1)], 0)
    connection.close()
    assert finished(recording).frames == 0


def test_a_listener_moves_what_it_gives_and_is_bounded() -> None:
    forgotten: list[int] = []
    listener = RemoteListener(3, forgotten.append, utterances=False, shape={})
    listener.heard((frame(0, 1), _native.SpeakingChanged(7, True, 5)), 2, 1, 480)
    items = listener.take(10, 0.0)
    assert items is not None
    assert [item.position for item in items] == [480, 485]
    assert (listener.dropped, listener.late) == (2, 1)
    # A clock may be a little off.
    assert placed(-100, frame(50, 1)).position == 0
    number, said = placed(10, (4, _native.Utterance(7, b"", 0, 960, 1.0, "silence")))
    assert (number, said.start, said.end, said.ended) == (4, 10, 970, "silence")
    for _ in range(5000):
        listener.heard((frame(0, 1),), 0, 0, 0)
    assert listener.dropped == 5000 - 4096
    listener.close()
    listener.close()
    assert forgotten == [3]
    while (rest := listener.take(1000, 0.0)) is not None:
        assert rest


def test_a_recording_that_is_over_is_kept_until_what_is_on_its_way_has_come() -> None:
    connection, file = _native.Connection(ignore), io.BytesIO()
    recording = record(connection, file)
    relayed = RelayedRecording(1, recording, own_voice=False)
    assert not relayed.is_over
    relayed.heard((frame(recording.position, 5), _native.SpeakingChanged(7, True, 5)), 0, 0, 0)
    relayed.end()
    assert finished(recording).frames == 1
    assert not relayed.is_over
    connection.close()
