"""Where studies are run: the room's answer to a question, notebooks, scheduled runs, the demo."""
