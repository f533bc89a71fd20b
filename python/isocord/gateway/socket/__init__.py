"""The websocket to a voice gateway."""
