"""What has to be done before anything else is imported."""
