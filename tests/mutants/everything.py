"""All mutants, in the order in which they are run."""

from tests.mutants import (
    database,
    desk,
    market,
    operations,
    people,
    requests,
    serving,
)

MUTANTS = (
    *database.MUTANTS,
    *desk.MUTANTS,
    *market.MUTANTS,
    *operations.MUTANTS,
    *people.MUTANTS,
    *requests.MUTANTS,
    *serving.MUTANTS,
)
