"""Use cases of upkeep: overviews, sync, health, retention, privacy, audit."""
