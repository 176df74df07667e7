"""Names and where they are: cities, their states and time zones."""
