"""What every use case needs: actors, events, moves, rate limits, versions, cursors,
repeated requests."""
