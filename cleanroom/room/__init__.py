"""ZONE 2, the room: it sees tokens and rows, never identifiers, and gives out tables only.

    vault ─► match ─► link ─► journeys ─► conversion
               └───────► panel ─────────► lift

`vault` takes the platforms' handovers in after `inspection`; `match` joins clicks and store events
on CID, `link` decides which buyer a click belongs to, `journeys` which click a store event is owed
to. `conversion` and `lift` count cells with the support behind each, for the gate to judge;
`eligibility` says which merchants take part. `register` numbers each party's persons, `rotation`
takes the numbers into a new epoch and has the old tokens deleted, `join_input` compares whom a
handover brings into the join with whom earlier ones did. All relational code is written against
narwhals' lazy frames; `engine` alone knows what runs them. No function returns rows or tokens
outside the zone.
"""
