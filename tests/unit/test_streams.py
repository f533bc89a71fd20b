"""Whose stream is whose."""

from __future__ import annotations

from isocord.client.streams import _LIMIT, Streams


def test_a_user_has_one_stream_and_a_stream_one_user() -> None:
    streams = Streams()
    streams.tell(1, 100, 1)
    streams.tell(2, 200, 0)
    streams.tell(1, 101, 4)
    streams.tell(3, 200, 1)
    assert streams.by_ssrc == {101: {"user_id": 1, "speaking": 4}, 200: {"user_id": 3, "speaking": 1}}
    assert [user in streams for user in (1, 2, 3)] == [True, False, True]
    streams.forget(1)
    streams.forget(2)
    assert list(streams.by_ssrc) == [200]
    streams.clear()
    assert not streams.by_ssrc
    assert 3 not in streams


def test_a_server_cannot_fill_the_memory() -> None:
    streams = Streams()
    for user in range(3 * _LIMIT):
        streams.tell(user, user + 7, 1)
    assert len(streams.by_ssrc) == _LIMIT
    assert 3 * _LIMIT - 1 in streams
    assert 0 not in streams
