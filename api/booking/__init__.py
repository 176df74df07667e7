"""Views of booking: overrides."""
