"""Ground that every room stands on: values, the gateway thread, hand-overs between threads."""
