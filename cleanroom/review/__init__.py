"""The review of what would leave: its states, its signed votes, and how the ledger tells of them.

Nothing here reads a row or draws a page: candidates and ledgers go in, values and records come out,
so that the room, the desk and either platform alone hold by the same rules.
"""
