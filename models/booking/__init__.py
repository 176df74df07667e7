"""Tables of booking: what decides who carries a load: answers, assignments by hand,
overrides."""
