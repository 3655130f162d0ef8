"""What the game takes place in: who is who, the web, the clock."""
