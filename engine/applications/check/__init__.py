"""Does it protect? A user's photos, before and after any tool, against every trainer of a cast."""
