"""Networks from somebody else's files."""
