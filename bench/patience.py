"""How long a bench waits for something that must come."""

PATIENCE_S = 1200.0
"""It only ends a bench that hangs: on a busy machine everything takes its time, and a
limit that a figure must keep is a bar."""
