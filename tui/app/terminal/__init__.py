"""The terminal that the app is shown on."""
