"""The Backend over HTTP: the same port, another door."""
