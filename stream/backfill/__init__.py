"""Files of history → the index: read, mapped, scored, exactly once, and resumed where they were interrupted."""
