"""Opcodes and close codes of Discord's gateways.

Source: Discord API documentation, "Opcodes and Status Codes"; DAVE protocol whitepaper 1.1.
"""

from __future__ import annotations

from enum import IntEnum


class GatewayOp(IntEnum):
    """Opcodes of the bot's main gateway, version 10."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
    REQUEST_SOUNDBOARD_SOUNDS = 31


class GatewayClose(IntEnum):
    """Close codes of the main gateway."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQ = 4007
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    INVALID_INTENTS = 4013


class VoiceOp(IntEnum):
    """Opcodes of the voice gateway, version 8."""

    IDENTIFY = 0
    SELECT_PROTOCOL = 1
    READY = 2
    HEARTBEAT = 3
    SESSION_DESCRIPTION = 4
    SPEAKING = 5
    HEARTBEAT_ACK = 6
    RESUME = 7
    HELLO = 8
    RESUMED = 9
    CLIENTS_CONNECT = 11
    CLIENT_DISCONNECT = 13
    SESSION_UPDATE = 14
    MEDIA_SINK_WANTS = 15
    CLIENT_FLAGS = 18
    CLIENT_PLATFORM = 20
    DAVE_PREPARE_TRANSITION = 21
    DAVE_EXECUTE_TRANSITION = 22
    DAVE_TRANSITION_READY = 23
    DAVE_PREPARE_EPOCH = 24
    DAVE_EXTERNAL_SENDER = 25
    DAVE_KEY_PACKAGE = 26
    DAVE_PROPOSALS = 27
    DAVE_COMMIT_WELCOME = 28
    DAVE_ANNOUNCE_COMMIT = 29
    DAVE_WELCOME = 30
    DAVE_INVALID_COMMIT = 31


class VoiceClose(IntEnum):
    """Close codes of the voice gateway."""

    UNKNOWN_OPCODE = 4001
    BAD_PAYLOAD = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    SESSION_INVALID = 4006
    SESSION_TIMEOUT = 4009
    SERVER_NOT_FOUND = 4011
    UNKNOWN_PROTOCOL = 4012
    DISCONNECTED = 4014
    SERVER_CRASHED = 4015
    UNKNOWN_MODE = 4016
    DAVE_REQUIRED = 4017
    BAD_REQUEST = 4020
    RATE_LIMITED = 4021
    CALL_TERMINATED = 4022


RESUMABLE_CLOSES = frozenset({None, 1001, 1006, VoiceClose.SERVER_CRASHED})
"""Ends of a voice websocket after which the voice session waits for a Resume; ``None``: cut without a close frame."""
