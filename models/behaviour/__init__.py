"""Behavioural tests: minimal pairs of our own writing, and how many of them a model answers as a desk would."""
