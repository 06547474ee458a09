"""TDS 7.4, the server's side: packets, tokens, value encoding, sessions. Knows the engine only by standin.model."""
