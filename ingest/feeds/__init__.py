"""Feeds: the list that names them and all other sources, and how one is polled, told and explained."""
