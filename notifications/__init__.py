"""Push: messages, gateways, the sender."""
