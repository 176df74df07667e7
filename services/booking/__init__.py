"""Use cases of booking, which decide who carries a load: a driver's answers to offers,
assignments by hand, and overrides."""
