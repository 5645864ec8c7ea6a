"""Zone 1, at each platform: raw exports in, a handover of tokens out. It alone sees identifiers."""
