"""All tables together: what a store is made of."""

from __future__ import annotations

from nbflow.store import block_tables, columns, rule_tables, tables, worker_tables

#: the modules that hold the tables; naming them here is what makes them part of the whole
MODULES = (tables, worker_tables, block_tables, rule_tables)

metadata = columns.metadata
