"""The bot's gateway and REST API."""
