"""Deleting many rows a batch at a time."""

from typing import Any

from sqlalchemy import Select, delete, select, tuple_
from sqlalchemy.orm import Session


def delete_batch(
    session: Session, model: type[Any], batch: Select[*tuple[Any, ...]]
) -> int:
    """Delete the rows whose keys `batch` selects; return how many were deleted.

    The rows are chosen once. A plain subquery with a limit may be planned into a join
    that runs it once for each row, and finds other rows each time.
    """
    chosen = batch.cte("chosen").prefix_with("materialized")
    keys = tuple_(*batch.selected_columns)
    gone = session.execute(
        delete(model)
        .where(keys.in_(select(chosen)))
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
