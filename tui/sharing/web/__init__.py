"""A run over HTTP: the server, the page."""
