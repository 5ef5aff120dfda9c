"""Stories that others hand in: files dropped into a folder, and signed POSTs."""
