"""Asking the outside world: which addresses, how politely, how much of the answer, and how long."""
