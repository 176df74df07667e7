"""When each periodic job last succeeded."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row


class PeriodicRun(Row):
    """A periodic job and its last success, by the database's clock. A job that never
    succeeded has no row. Belongs to no company."""

    __tablename__ = "periodic_runs"

    job: Mapped[str] = mapped_column(primary_key=True)
    last_success_at: Mapped[datetime]
