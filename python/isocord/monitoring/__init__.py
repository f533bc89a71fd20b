"""A bot that lets itself be watched: the socket that it opens on request, and what comes out of it."""
