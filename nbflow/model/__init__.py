"""The words of nbflow: frozen data and pure functions. No I/O, and no clock but `clock.py`."""
