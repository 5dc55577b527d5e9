"""Long-lived chores: `run_once(now)` to test, a loop in a thread to live. No user code."""
