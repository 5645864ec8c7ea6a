"""ZONE 2, the room: it sees tokens and rows, never identifiers, and gives out tables only.

    vault ─► match ─► link ─► journeys ─► conversion
               └───────► panel ─────────► lift

`vault` opens the platforms' sealed handovers, takes them in after `inspection` unless `history`
knows them, and keeps them encrypted until `retention` deletes them; `opened` is how rows come into
memory, and only there are readable. `admission` has the `register` number each party's persons, and
`join_input` compare whom a handover brings into the join with whom earlier ones did; `rotation`
takes the numbers into a new epoch and has the old tokens deleted (`forgetting`). `state` is how
such a memory rests.

`match` joins clicks and store events on CID, `link` decides which buyer a click belongs to,
`journeys` which click a store event is owed to; `link_rules` says the rules in words. `conversion`
and `lift` count cells with the support behind each, for the gate to judge, and so does
`diagnostics`, of the link itself; `eligibility` says which merchants take part. All relational code
is written against narwhals' lazy frames; `engine` alone knows what runs them. No function returns
rows or tokens outside the zone.
"""
