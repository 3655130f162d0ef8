"""What the loops of several attacks share."""
