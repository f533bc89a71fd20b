"""What to do next, decided without IO."""
