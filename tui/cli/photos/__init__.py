"""Commands about one's own photos."""
