"""The outside world → Documents on the log: feeds, hashtag timelines, signed stories, and the bundled demo.

One way leads in: a source is polled (`ingest.rss`, `ingest.mastodon`), what it says becomes Documents, `ingest.change`
tells new from known, `ingest.intake` puts them on the log, and only then is the source's state saved (`ingest.run`).
"""
