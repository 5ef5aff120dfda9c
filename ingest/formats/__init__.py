"""Bytes → ParsedFeed, in processes that can be killed: RSS, Atom, RDF, JSON Feed, and what finance adds to them."""
