"""Views of kernel: what every use case needs: actors, events, moves, limits,
repeated requests."""
