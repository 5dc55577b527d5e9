"""What all tables share: how constraints are named, and the columns that many have."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    MetaData,
    String,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def id_column() -> Column[str]:
    """Give the column of a row's id."""
    return Column("id", String(36), primary_key=True)


def at_column(name: str, *, nullable: bool = False) -> Column[int]:
    """Give a column of instants."""
    return Column(name, BigInteger, nullable=nullable)


def json_column(name: str) -> Column[str]:
    """Give a column of JSON text."""
    return Column(name, Text, nullable=False)
