"""Views of upkeep: sync, health, readiness, metrics, problem codes."""
