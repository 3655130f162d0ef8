"""Stories about one answer of the trainer's, or one question about it."""
