"""Mastodon: hashtags, by REST and by stream."""
