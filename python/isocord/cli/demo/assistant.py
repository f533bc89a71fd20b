"""``isocord demo --assistant``: two users talk with an assistant, and one of them speaks over it."""

from __future__ import annotations

import asyncio
import functools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

import isocord
from isocord.testing import FakeDiscordProcess, GuildSpec

from . import picture
from .babble import babble
from .bot import channel_of_bot
from .compare import mono
from .conversation import Conversation, spans
from .load import Load

BOT, ASKS, INTERRUPTS, HEARS = "assistant", "alice", "bob", "carol"
_BOUND = 30.0
_SILENCE = 0.4
_OVER = 2.0
_SETTLE = 0.8
_REPLIES = (
    ("Good morning! I am an assistant in an encrypted call.", 2.2),
    (
        "Now I shall tell you a very long story, which goes on, and on, and on, and which nobody wants to hear. " * 3,
        12.0,
    ),
    ("All right, I am silent.", 1.4),
)
"""What it says, and how many seconds it takes where there is no espeak-ng."""


def run(out: Path, *, busy: bool) -> dict[str, Any]:
    """Run it; returns what was heard, as plain values: ``faults`` is empty if everybody was answered, and the assistant
    was silent when it had to be."""
    with FakeDiscordProcess(guilds=[GuildSpec(members=(ASKS, INTERRUPTS, HEARS))]) as fake:
        heard = asyncio.run(_run(fake, busy=busy))
    return report(heard, out, busy=busy)


async def _run(fake: FakeDiscordProcess, *, busy: bool) -> Conversation:
    async with channel_of_bot(fake) as channel:
        voice = await channel.connect(cls=isocord.VoiceClient)
        for _, seconds in _REPLIES:
            # It is the machine that is to be busy, and not the synthesiser.
            _babbled(seconds)
        async with Load(threads=2 if busy else 0, block=False):
            heard = await talk(fake, voice)
        await voice.disconnect()
        return heard


async def talk(fake: FakeDiscordProcess, voice: Any) -> Conversation:
    """The conversation, and what a listener heard of it."""
    carol = await asyncio.to_thread(fake.listen, "General", user=HEARS)
    alice = await asyncio.to_thread(fake.speak, "General", user=ASKS)
    bob = await asyncio.to_thread(fake.speak, "General", user=INTERRUPTS)
    names = {alice.id: ASKS, bob.id: INTERRUPTS, fake.bot.id: BOT}
    heard = Conversation({}, [], BOT)
    assistant = asyncio.create_task(assist(voice, heard, names))

    def spoken() -> float:
        """Seconds that carol heard of the assistant."""
        return 0.02 * sum(not arrival.is_silence for arrival in carol.arrivals())

    def silent() -> bool:
        arrivals = carol.arrivals()
        return bool(arrivals) and arrivals[-1].is_silence

    async def wait(condition: Any) -> None:
        await fake.wait_for(condition, timeout=_BOUND)

    async def answered(more: float = 0.5) -> None:
        before = spoken()
        await wait(lambda: spoken() > before + more)

    try:
        print(f"{ASKS} asks, and is answered")
        await asyncio.to_thread(alice.play, babble(1.6, 190.0, seed=3))
        await answered()
        await wait(silent)
        await asyncio.sleep(_SETTLE)
        print(f"{ASKS} asks again; {INTERRUPTS} speaks over the answer")
        await asyncio.to_thread(alice.play, babble(1.1, 190.0, seed=4))
        await answered(_OVER)
        await asyncio.to_thread(bob.play, babble(2.4, 110.0, seed=5))
        await wait(lambda: heard.told and silent())
        print(f"{INTERRUPTS} is answered")
        await answered()
        await wait(silent)
        await asyncio.sleep(_SETTLE)
    finally:
        assistant.cancel()
        await asyncio.wait([assistant])
    tracks = await asyncio.to_thread(carol.tracks)
    arrivals = {user_id: await asyncio.to_thread(carol.arrivals, user_id) for user_id in tracks}
    origin = min(of_user[0].time_ns for of_user in arrivals.values())
    for user_id, name in names.items():
        heard.sounds[name] = mono(tracks.get(user_id, bytes(4)))
        heard.spans += spans(name, arrivals.get(user_id, ()), origin)
    heard.encrypted = voice.is_dave_connection()
    return heard


async def assist(voice: Any, notes: Conversation, names: dict[int, str]) -> None:
    """The assistant: it answers whoever has spoken, and notes who has interrupted it."""

    def over(finished: asyncio.Future[Exception | None]) -> None:
        error = None if finished.cancelled() else finished.result()
        if isinstance(error, isocord.Interrupted):
            notes.told.append((names.get(error.by, str(error.by)), error.heard, error.reaction))

    async for _ in voice.utterances(silence=_SILENCE):
        text, seconds = _REPLIES[min(notes.asked, len(_REPLIES) - 1)]
        notes.asked += 1
        voice.stop()
        playing = voice.play(speech(text, seconds), sample_rate=22_050, barge_in=True, wait_finish=True)
        playing.add_done_callback(over)


@functools.cache
def _babbled(seconds: float) -> bytes:
    sound = mono(babble(seconds, 150.0, seed=7))
    at = np.arange(0, len(sound), 48_000 / 22_050)
    pcm: bytes = (np.interp(at, np.arange(len(sound)), sound) * 32_767).astype("<i2").tobytes()
    return pcm


async def speech(text: str, seconds: float) -> AsyncIterator[bytes]:
    """A text spoken by espeak-ng, or so many seconds of babble, as 22,050 Hz mono, in chunks."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        pcm = _babbled(seconds)
        for begin in range(0, len(pcm), 4_096):
            yield pcm[begin : begin + 4_096]
        return
    process = await asyncio.create_subprocess_exec(espeak, "--stdout", "--", text, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        # The header of a WAV file.
        await process.stdout.readexactly(44)
        while chunk := await process.stdout.read(4_096):
            yield chunk
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def report(heard: Conversation, out: Path, *, busy: bool) -> dict[str, Any]:
    """Say and draw what was heard; the same as plain values, times in seconds."""
    answers, cuts = heard.answers, heard.cuts
    rows = [
        ("load on the bot", "two CPU-bound threads" if busy else "none"),
        ("end-to-end encrypted (DAVE)", "yes" if heard.encrypted else "no"),
        ("heard, answered, interrupted", f"{heard.asked}, {len(answers)}, {len(cuts)}"),
        ("from the last word to the answer", ", ".join(f"{answer.after:.2f}" for answer in answers) + " s"),
    ]
    for cut in cuts:
        rows.append((f"{cut.by} speaks over it", f"it is silent {cut.at - cut.since:.2f} s later"))
        rows.append(("  after enough speech", f"{cut.reaction:.0f} ms"))
        rows.append(("  what it knows was heard", f"{cut.heard:.2f} s"))
    width = max(len(label) for label, _ in rows)
    print()
    for label, value in rows:
        print(f"  {label:<{width}}  {value}")
    picture.draw_conversation(out / "assistant.png", heard)
    print(f"\n  the picture:    {out / 'assistant.png'}")
    faults = []
    if len(answers) != len(_REPLIES) or [cut.by for cut in cuts] != [INTERRUPTS]:
        faults.append("Somebody was not answered, or the assistant did not let itself be interrupted.")
    return {
        "load": "two CPU-bound threads" if busy else None,
        "encrypted": heard.encrypted,
        "heard": heard.asked,
        "answers": [answer.after for answer in answers],
        "interruptions": [
            {"by": cut.by, "silent_after": cut.at - cut.since, "reaction": cut.reaction / 1e3, "heard": cut.heard}
            for cut in cuts
        ],
        "files": {"picture": str(out / "assistant.png")},
        "faults": faults,
    }
