"""Tables that every use case needs: events, rate limits, idempotency keys, runs of
periodic jobs."""
