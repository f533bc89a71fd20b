"""One voice session, from its handshake to its end."""
