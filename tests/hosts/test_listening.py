"""Hearing live what users say, under whichever bot library this interpreter has."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from .world import TONES, World, begin_speaking, np, share, spoken, until


async def test_listening_resampled_for_speech_recognition(world: World) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    heard: list[Any] = []
    async with voice.listen(users=[bob.user_id], sample_rate=16_000, channels=1) as listening:
        async for frame in listening:
            heard.append(frame)
            if len(heard) == 45:
                break
    assert {(len(frame.data), frame.samples) for frame in heard} == {(640, 320)}
    steps = [later.position - frame.position for frame, later in zip(heard, heard[1:], strict=False)]
    # A machine that stands still for a moment moves the place, by a frame at most.
    assert steps.count(960) >= 40
    assert all(960 <= step <= 1920 for step in steps)
    pcm = np.frombuffer(b"".join(frame.data for frame in heard), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    assert spectrum.argmax() * 16_000 / len(pcm) == pytest.approx(1000, abs=3)
    with pytest.raises(ValueError, match="sample_rate"):
        voice.listen(sample_rate=44_100)
    with pytest.raises(ValueError, match="Opus"):
        voice.listen(opus=True, mixdown=True)


async def test_a_mixdown_in_a_plain_function(world: World) -> None:
    voice = await world.connect()
    heard: list[Any] = []
    threads = set()

    def callback(frame: Any) -> None:
        threads.add(threading.current_thread().name)
        heard.append(frame)

    with voice.listen_with(callback, mixdown=True) as listening:
        world.speak(3.0, "alice", "bob")
        await until(lambda: len(heard) >= 45)
    await until(lambda: listening.is_over)
    assert threads == {"isocord-listen"}
    assert {frame.user_id for frame in heard} == {0}
    assert [frame.position for frame in heard] == sorted({frame.position for frame in heard})
    pcm = np.frombuffer(b"".join(frame.data for frame in heard), "<i2")[::2]
    assert all(share(pcm, TONES[name]) > 0.3 for name in ("alice", "bob"))

    async def coroutine(frame: Any) -> None: ...

    with pytest.raises(TypeError):
        voice.listen_with(coroutine)


async def test_a_function_that_raises_ends_its_listening(world: World, caplog: pytest.LogCaptureFixture) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")

    def callback(frame: Any) -> None:
        raise RuntimeError("no recogniser")

    listening = voice.listen_with(callback)
    await until(lambda: listening.is_over)
    assert "no recogniser" in caplog.text


async def test_nothing_is_called_any_more_once_it_is_closed(world: World) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    began, go_on = threading.Event(), threading.Event()
    heard: list[Any] = []

    def callback(frame: Any) -> None:
        heard.append(frame)
        began.set()
        go_on.wait(15.0)

    listening = voice.listen_with(callback)
    await until(began.is_set)
    before = bob.sent
    await until(lambda: bob.sent > before + 20)
    listening.close()
    go_on.set()
    await until(lambda: listening.is_over)
    assert len(heard) == 1


async def test_the_bot_is_told_who_speaks(world: World) -> None:
    voice = await world.connect()
    voice.dispatch_speaking()
    bob = world.discord.speak("General", user="bob")
    # hikari's events find their member in its cache; until then something stands in for him that has an id only.
    await until(lambda: hasattr(voice._member(bob.user_id), "display_name"))
    begin_speaking([bob], 2.0, ["bob"])
    told = {"voice_member_speaking_start", "voice_member_speaking_stop"}
    await until(lambda: told <= {name for name, _ in world.events})
    spoke = [(name, args) for name, args in world.events if name in told]
    assert [name for name, _ in spoke] == sorted(told)
    assert {args[0].id for _, args in spoke} == {bob.user_id}
    flagged = {"member_speaking_state_update", "voice_member_speaking_state"}
    assert flagged & {name for name, _ in world.events}
    voice.dispatch_speaking(False)


async def test_what_is_heard_shows_who_and_how_much_in_a_log_but_no_sound(world: World) -> None:
    voice = await world.connect()
    heard: list[Any] = []
    with voice.listen_with(heard.append, speaking=True):
        (bob,) = world.speak(0.3, "bob")
        await until(lambda: len(heard) >= 10)
    changed, frame = heard[0], next(item for item in heard if hasattr(item, "data"))
    assert repr(changed) == f"<SpeakingChanged user_id={bob.user_id} began position={changed.position}>"
    place = f"position={frame.position} samples=960 3840 bytes"
    assert repr(frame) == f"<HeardFrame user_id={bob.user_id} {frame.kind} {place}>"
    await until(lambda: bob.user_id in voice.receive_stats.users)
    stats = voice.receive_stats
    assert repr(stats).startswith(f"<ReceiveStats rtp={stats.rtp} rtcp={stats.rtcp} ")
    assert repr(stats).endswith(" users=1>")
    user = stats.users[bob.user_id]
    assert repr(user).startswith(f"<UserReceiveStats received={user.received} lost={user.lost} ")
    assert repr(user).endswith(f" jitter={user.jitter} delay={user.delay}>")


async def test_a_filled_row_is_unbroken_and_says_when_it_was_heard(world: World) -> None:
    voice = await world.connect()
    heard: list[Any] = []
    listening = voice.listen_with(heard.append, fill=True, sample_rate=16_000, channels=1, format="f32", vad=True)
    with listening:
        (bob,) = world.speak(0.4, "bob")
        await until(lambda: len(heard) >= 50)
        # The call of the fake ends with its sound; silence goes on.
        await until(lambda: heard[-1].kind == "silence")
    assert {frame.user_id for frame in heard} == {bob.user_id}
    assert {later.position - frame.position for frame, later in zip(heard, heard[1:], strict=False)} == {960}
    assert {(frame.sample_rate, frame.channels, len(frame.data)) for frame in heard} == {(16_000, 1, 1280)}
    voiced = [frame for frame in heard if frame.kind == "voice" and frame.received_ns]
    assert len(voiced) >= 15
    # A frame is received when its packet comes, which is when its first sample would have come at the earliest.
    assert all(frame.received_ns / 1e9 >= frame.captured - 0.03 for frame in voiced)
    assert all(-40 < frame.level <= 0 and 0 <= frame.speech <= 1 for frame in voiced[2:10])
    silence = heard[-1]
    assert (silence.level, silence.received_ns) == (-np.inf, None)
    assert listening.late == 0
    again = pickle.loads(pickle.dumps(voiced[0]))
    names = [name for name in dir(again) if not name.startswith("_")]
    assert [getattr(again, name) for name in names] == [getattr(voiced[0], name) for name in names]
    with pytest.raises(ValueError, match="latency"):
        voice.listen(mixdown=True, latency=2.0)
    with pytest.raises(ValueError, match="format"):
        voice.listen(format="s24")


async def test_the_end_of_speech_comes_after_its_last_frame(world: World) -> None:
    voice = await world.connect()
    heard: list[Any] = []
    with voice.listen_with(heard.append, speaking=True):
        (bob,) = world.speak(0.4, "bob")
        await spoken(bob)
        await until(lambda: bool(heard) and getattr(heard[-1], "speaking", None) is False)
    events = [at for at, item in enumerate(heard) if hasattr(item, "speaking")]
    # On a busy machine the speaker may pause: then speech ends, and begins once more.
    assert events[0] == 0
    assert [heard[at].speaking for at in events] == [True, False] * (len(events) // 2)
    assert all(begin == end + 1 for end, begin in zip(events[1::2], events[2::2], strict=False))
    change = pickle.loads(pickle.dumps(heard[0]))
    assert (change.user_id, change.speaking, change.position) == (heard[0].user_id, True, heard[0].position)
