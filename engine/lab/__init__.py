"""The game: users, friends, the trainer and the law move, and the lab measures."""
