"""Honest dates: what feeds write, read or marked, never guessed."""
