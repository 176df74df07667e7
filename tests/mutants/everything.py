"""All mutants, in the order in which they are run."""

from tests.mutants import (
    claims,
    database,
    desk,
    exits,
    market,
    memory,
    operations,
    people,
    requests,
    roads,
    searches,
    serving,
    trucking,
)

MUTANTS = (
    *claims.MUTANTS,
    *database.MUTANTS,
    *desk.MUTANTS,
    *exits.MUTANTS,
    *market.MUTANTS,
    *memory.MUTANTS,
    *operations.MUTANTS,
    *people.MUTANTS,
    *requests.MUTANTS,
    *roads.MUTANTS,
    *searches.MUTANTS,
    *serving.MUTANTS,
    *trucking.MUTANTS,
)
