"""Speed, memory, races, faults: each script prints one JSON line."""
