"""How fast attacks are, and how well they do."""
