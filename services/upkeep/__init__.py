"""Use cases of upkeep: views over everything, sync, health, retention, privacy,
audit."""
