"""Tables of booking: overrides."""
