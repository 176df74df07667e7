"""What every process needs, below everything: settings, database, errors, telemetry."""
