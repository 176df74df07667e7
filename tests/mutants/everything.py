"""All mutants, in the order in which they are run."""

from tests.mutants import database, market, people, requests

MUTANTS = (
    *database.MUTANTS,
    *market.MUTANTS,
    *people.MUTANTS,
    *requests.MUTANTS,
)
