"""What lies over a screen: one file a dialog."""
