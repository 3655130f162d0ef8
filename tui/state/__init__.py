"""What is being looked at: pure, without a screen."""
