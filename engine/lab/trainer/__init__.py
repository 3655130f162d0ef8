"""The trainer's moves."""
