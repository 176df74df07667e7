"""Pushes and letters: their texts, the outbox, gateways, the sender."""
