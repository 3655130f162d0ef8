"""What others get to see."""
