"""Databases by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from nbflow.blocks.fields import SecretDict
from nbflow.blocks.interfaces import CredentialsBlock, DatabaseBlock

if TYPE_CHECKING:
    import sqlalchemy as sa


class SqlAlchemyCredentials(CredentialsBlock, DatabaseBlock):
    """A database that SQLAlchemy knows, and how it is signed in to.

    The driver (psycopg, mysqlclient …) is installed where the block is used.
    """

    _block_type_name: ClassVar[str | None] = "SQLAlchemy Credentials"
    _documentation_url: ClassVar[Any] = "https://docs.sqlalchemy.org/en/20/core/engines.html"
    _code_example: ClassVar[str | None] = """
        from nbflow.blocks import SqlAlchemyCredentials

        engine = SqlAlchemyCredentials.load("NAME").get_engine()
        """

    url: SecretStr | None = Field(
        default=None, description="The whole address, in place of the fields below."
    )
    driver: str | None = Field(default=None, description="postgresql+psycopg, sqlite …")
    username: str | None = None
    password: SecretStr | None = None
    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    database: str | None = None
    query: dict[str, str] = Field(default={}, description="What follows ? in the address.")
    connect_args: SecretDict | None = Field(default=None, description="For the driver.")

    _engine: Any = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.driver is None):
            raise ValueError("say either url or driver")
        return self

    def get_url(self) -> sa.URL:
        """Give the address; its text has asterisks for the password."""
        import sqlalchemy as sa

        if self.url is not None:
            return sa.make_url(self.url.get_secret_value())
        password = None if self.password is None else self.password.get_secret_value()
        return sa.URL.create(
            str(self.driver), self.username, password, self.host, self.port, self.database,
            self.query,
        )  # fmt: skip

    def get_engine(self, **options: Any) -> sa.Engine:
        """Make an engine; `options` are `sqlalchemy.create_engine`'s."""
        import sqlalchemy as sa

        if self.connect_args is not None:
            options = {"connect_args": self.connect_args.get_secret_value(), **options}
        return sa.create_engine(self.get_url(), **options)

    def get_client(self, *args: Any, **options: Any) -> sa.Engine:
        """Make an engine: see `get_engine`."""
        return self.get_engine(**options)

    def fetch_one(
        self, operation: str, parameters: Mapping[str, Any] | None = None
    ) -> tuple[Any, ...] | None:
        """Give the first row of a query; None: there is none."""
        return next(iter(self.fetch_many(operation, parameters)), None)

    def fetch_many(
        self, operation: str, parameters: Mapping[str, Any] | None = None, size: int = 1
    ) -> list[tuple[Any, ...]]:
        """Give at most `size` rows of a query."""
        with self._begin() as connection:
            found = connection.execute(_text(operation), dict(parameters or {}))
            return [tuple(row) for row in found.fetchmany(size)]

    def fetch_all(
        self, operation: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Give all rows of a query."""
        with self._begin() as connection:
            return [tuple(r) for r in connection.execute(_text(operation), dict(parameters or {}))]

    def execute(self, operation: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Carry out a statement, and commit."""
        with self._begin() as connection:
            connection.execute(_text(operation), dict(parameters or {}))

    def execute_many(self, operation: str, seq_of_parameters: Sequence[Mapping[str, Any]]) -> None:
        """Carry out a statement for each of some parameters, and commit once."""
        with self._begin() as connection:
            connection.execute(_text(operation), [dict(one) for one in seq_of_parameters])

    def _begin(self) -> Any:
        if self._engine is None:
            self._engine = self.get_engine()
        return self._engine.begin()


def _text(operation: str) -> Any:
    import sqlalchemy as sa

    return sa.text(operation)
