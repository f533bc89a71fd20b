"""The transport: a voice connection, its ears and its mouth."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import BotConnectedFrame, ClientConnectedFrame
from pipecat.transports.base_transport import BaseTransport

from ...connection.states import Phase
from ..participants import Participants
from .input import DiscordInput
from .output import DiscordOutput
from .params import DiscordMetrics, DiscordParams

if TYPE_CHECKING:
    from ...desk.stream_source import StreamSource
    from ...hearing.listening import Listening

_EVENTS = (
    "on_connected",
    "on_disconnected",
    "on_first_participant_joined",
    "on_participant_joined",
    "on_participant_left",
    "on_client_connected",
    "on_client_disconnected",
    "on_active_speaker_changed",
    "on_bot_interrupted",
)


class DiscordTransport(BaseTransport):
    """A bot's voice connection as Pipecat's transport. The bot has joined already, and stays when the pipeline ends.

    Users are heard as one unbroken row of frames of 20 ms, silence included, so that what finds the ends of turns finds
    them; ``user_id`` is Discord's. What the bot says leaves as it is written, and what an ``InterruptionFrame`` finds
    unheard never leaves.

    Event handlers, ids as text:

    - ``on_connected(transport)``, ``on_disconnected(transport)``: the bot's own connection
    - ``on_first_participant_joined(transport, user_id)``
    - ``on_participant_joined(transport, user_id)``, also of those who are there at the beginning, and
      ``on_participant_left(transport, user_id)``
    - ``on_client_connected(transport, {"id": user_id})``, ``on_client_disconnected(transport, {"id": user_id})``:
      the same, as other transports have it
    - ``on_active_speaker_changed(transport, {"id": user_id})``: somebody begins to speak
    - ``on_bot_interrupted(transport, seconds)``: how much was heard of what the bot was saying, exact to the frame

    Args:
        voice: the :class:`isocord.VoiceClient`, connected.
        params: Pipecat's parameters.
        user: a member, a user or an id: nobody else is heard.
        mixdown: all as one. Otherwise each user is a row of frames of its own, for pipelines that take them apart.
        play: has the bot's voice heard, ``voice.play`` if not given; ``mixer.play`` has it heard over other sound.
        input_name: the name of the processor that hears.
        output_name: the name of the one that speaks.
    """

    def __init__(
        self,
        voice: Any,
        params: DiscordParams | None = None,
        *,
        user: Any = None,
        mixdown: bool = True,
        play: Callable[[StreamSource], object] | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
    ) -> None:
        super().__init__(input_name=input_name, output_name=output_name)
        self._voice = voice
        self._params = params or DiscordParams()
        self._users = () if user is None else (user,)
        self._mixdown = mixdown and user is None
        self.play: Callable[[StreamSource], object] = play or voice.play
        self.participants: Participants = Participants(voice, self._joined, self._left)
        self._input: DiscordInput | None = None
        self._output: DiscordOutput | None = None
        self._first = True
        for name in _EVENTS:
            self._register_event_handler(name)

    def input(self) -> DiscordInput:
        """The processor that hears."""
        if self._input is None:
            self._input = DiscordInput(self, self._params, name=self._input_name)
        return self._input

    def output(self) -> DiscordOutput:
        """The processor that speaks."""
        if self._output is None:
            self._output = DiscordOutput(self, self._params, name=self._output_name)
        return self._output

    def get_client_id(self, client: Any) -> str:
        """The id of a client, as passed to ``on_client_connected``."""
        found: str = client["id"]
        return found

    # For its two processors.

    def listen(self, sample_rate: int, channels: int) -> Listening[Any]:
        """What the users say."""
        listening: Listening[Any] = self._voice.listen(
            users=self._users,
            mixdown=self._mixdown,
            speaking=True,
            fill=True,
            sample_rate=sample_rate,
            channels=channels,
        )
        return listening

    def followers(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What runs for as long as the pipeline does."""
        return self.participants.follow, self._connection

    def metrics(self, processor: str, heard: float, interrupted: bool) -> DiscordMetrics:
        """What has come of what the bot said."""
        return DiscordMetrics(
            processor=processor,
            heard=heard,
            interrupted=interrupted,
            underruns=self._voice.stats.underruns,
            late=self._input.late if self._input is not None else 0,
            dropped=self._input.dropped if self._input is not None else 0,
        )

    async def tell(self, event: str, *args: object) -> None:
        """Call the handlers of an event."""
        await self._call_event_handler(event, *args)

    async def _connection(self) -> None:
        await self.tell("on_connected")
        await self.input().push_frame(BotConnectedFrame())
        await self._voice.wait_for_state(Phase.DISCONNECTED)
        await self.tell("on_disconnected")

    async def _joined(self, user_id: int) -> None:
        name = str(user_id)
        if self._first:
            self._first = False
            await self.tell("on_first_participant_joined", name)
        await self.tell("on_participant_joined", name)
        await self.tell("on_client_connected", {"id": name})
        await self.input().push_frame(ClientConnectedFrame())

    async def _left(self, user_id: int) -> None:
        name = str(user_id)
        await self.tell("on_participant_left", name)
        await self.tell("on_client_disconnected", {"id": name})
