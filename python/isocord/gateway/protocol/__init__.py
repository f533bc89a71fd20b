"""The conversation with a voice gateway, without IO."""
