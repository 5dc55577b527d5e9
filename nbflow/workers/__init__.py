"""Workers: claim → launch → watch → report. A worker launches a child; it never runs user code."""
