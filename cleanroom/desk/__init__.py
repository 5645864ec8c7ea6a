"""The reviewers' desk: what waits, what each candidate would release, a signed decision."""
