"""Python in the app: the session behind it, and the field to type in."""
