"""Views of upkeep: views over everything, sync, health, retention, privacy, audit."""
