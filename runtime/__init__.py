"""The lowest layer, for every process: settings, keys, database, errors, telemetry."""
