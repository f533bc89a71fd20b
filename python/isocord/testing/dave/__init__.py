"""End-to-end encryption, the server's side."""
