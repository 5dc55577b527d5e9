"""A run's life: told once as steps, driven synchronously or on an event loop, and recorded.

Tasks and flows come here as data; this package never imports `nbflow.tasks` or `nbflow.flows`.
"""
