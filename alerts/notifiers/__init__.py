"""The ways to tell people: one file each, all reading the same cards (`base`)."""
