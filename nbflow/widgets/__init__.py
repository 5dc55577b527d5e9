"""Views of runs in a notebook: a live one while the run goes on, a static one that is saved."""
