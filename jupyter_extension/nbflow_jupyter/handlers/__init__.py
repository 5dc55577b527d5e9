"""One file a noun; a handler parses, calls, answers. The URLs are in `routes`."""
