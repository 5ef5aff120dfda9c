"""When a source is asked, where, and what a poll came to. Pure."""
