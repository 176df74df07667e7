"""All mutants, in the order in which they are run."""

from tests.mutants import (
    asking,
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
    runs,
    searches,
    serving,
    trucking,
    waiting,
)

MUTANTS = (
    *asking.MUTANTS,
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
    *runs.MUTANTS,
    *searches.MUTANTS,
    *serving.MUTANTS,
    *trucking.MUTANTS,
    *waiting.MUTANTS,
)
