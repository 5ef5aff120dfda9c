"""X (Twitter), within a daily budget."""
