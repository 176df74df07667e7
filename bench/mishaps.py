"""What goes wrong in the weeks of `bench.weeks`: offers that come to nothing, and loads
that are lost."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Mishaps:
    """By chance, and the same in every world with this seed, whatever is searched.

    declined: the share of offers that a driver declines or lets expire. lost: the share
    of loads that are cancelled while the truck is on its way to the pickup.
    """

    seed: int
    declined: float = 0.0
    lost: float = 0.0

    def is_declined(self, load_id: str, truck: int) -> bool:
        """Say whether the driver of this truck does not take this load."""
        return self._drawn(f"declined {load_id} {truck}") < self.declined

    def is_lost(self, load_id: str) -> bool:
        """Say whether the truck that won this load finds it cancelled at the pickup."""
        return self._drawn(f"lost {load_id}") < self.lost

    def _drawn(self, what: str) -> float:
        return Random(f"{self.seed} {what}").random()
