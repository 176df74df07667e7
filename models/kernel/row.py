"""What every table shares: names of constraints, ids, aware times."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    MetaData,
    String,
    TypeDecorator,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from uuid_utils.compat import uuid7

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class AwareDateTime(TypeDecorator[datetime]):
    """A time with its zone, read back as UTC. A naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"Naive time {value}.")
        return value

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None


class Word(TypeDecorator[StrEnum]):
    """A StrEnum kept as text, so that a new word needs no migration."""

    impl = String
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401 - as the base class
        return None if value is None else self.words(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:  # noqa: ANN401 - as the base class
        return None if value is None else self.words(value)


class Row(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: AwareDateTime,
        dict[str, Any]: JSONB,
        dict[str, str]: JSONB,
        list[Any]: JSONB,
    }


def within(
    column: str, table: str, *, org: str = "org_id", ondelete: str | None = None
) -> ForeignKeyConstraint:
    """Return a foreign key to a row of the same company, which the column `org` names.

    PostgreSQL checks foreign keys without row security: a key on the id alone would
    accept another company's row, and so reveal that it exists.
    """
    return ForeignKeyConstraint(
        [org, column], [f"{table}.org_id", f"{table}.id"], ondelete=ondelete
    )


class Identified:
    """A table whose id is a UUIDv7, made by the server or by the client."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)


class Versioned:
    """A row that clients edit. Each change makes a new version; a write over an older
    version raises StaleDataError.

    unmapped: columns of the table that only the database reads and writes.
    """

    unmapped: ClassVar[frozenset[str]] = frozenset()

    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        # A row is shown after its transaction: what the database sets is read at once.
        return {
            "version_id_col": cls.version,
            "eager_defaults": True,
            "exclude_properties": cls.unmapped,
        }

    @property
    def tag(self) -> str:
        """The name of this version for clients: the ETag without its quotes."""
        return str(self.version)


class Dated:
    """When the row was made, by the database's clock."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
