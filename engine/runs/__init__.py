"""What plays a story: its reading, its setting up, a run, a session."""
