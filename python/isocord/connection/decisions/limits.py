"""How long a voice connection waits for what, in seconds, and how often it tries."""

from __future__ import annotations

RECONNECT_LIMIT = 300.0
"""How long a lost connection is tried to be brought back, in seconds."""
HANDSHAKE_LIMIT = 10.0
"""From opening a websocket to the keys."""
RESUME_TRY_LIMIT = 5.0
"""From opening a websocket to Resumed."""
RESUME_LIMIT = 15.0
"""How long a session is tried to be resumed before a new one is asked for."""
SERVER_UPDATE_LIMIT = 10.0
"""How long a voice server update is waited for after the server ended the connection."""
ASK_LIMIT = 2.0
"""How long a new join is waited for before it is asked for again: the bot's gateway may have lost the message."""
JOIN_LIMIT = 6.0
"""How long a new join is waited for before the bot leaves and joins."""
PAIR_LIMIT = 5.0
"""How long a server update without a voice state is taken for the first half of a move."""
CONNECT_ATTEMPTS = 5
"""How often the first handshake may fail."""
FORGIVEN_AFTER = 0.5
"""A connection makes up for one failed attempt each time it held this long: only quick losses are backed off."""
FIRST_DELAY = 0.25
"""Before the second attempt; it doubles from one to the next."""
LONGEST_DELAY = 20.0
"""Where the doubling ends for new sessions."""
LONGEST_RESUME_DELAY = 5.0
"""Where it ends for resumes."""
SEND_LIMIT = 5.0
"""How long nothing may leave although something plays."""
KEY_LIMIT = 20.0
"""How long the same may last where others are in an encrypted call and no key has come."""
