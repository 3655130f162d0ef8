"""The interpreter behind the REPL and the app's console."""
