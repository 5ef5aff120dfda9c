"""Reddit, with an approved key or by its Atom feeds."""
