"""All mutants, in the order in which they are run."""

from tests.mutants import (
    claims,
    database,
    desk,
    exits,
    market,
    operations,
    people,
    requests,
    serving,
)

MUTANTS = (
    *claims.MUTANTS,
    *database.MUTANTS,
    *desk.MUTANTS,
    *exits.MUTANTS,
    *market.MUTANTS,
    *operations.MUTANTS,
    *people.MUTANTS,
    *requests.MUTANTS,
    *serving.MUTANTS,
)
