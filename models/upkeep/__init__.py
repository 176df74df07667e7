"""Tables of upkeep: the audit log."""
