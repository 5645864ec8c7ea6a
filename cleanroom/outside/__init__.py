"""Zone 4: sees releases only; says in words, charts and pages what they hold, and what not."""
