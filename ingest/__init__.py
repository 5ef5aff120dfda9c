"""The outside world → Documents on the log.

One way leads in: a source (`feeds`, `social`, `edgar`, `inbox.folder`; see `ingest.kinds`) is asked over `net` when
`polling` says so, or holds a stream open. What it says is read by `formats` and `dates` and becomes a Document in
`documents`; `change` tells new from known, `intake` puts it on the log, and only then `store` saves the source's state.
The loop is `run`, for streams `listen`. The webhook (`inbox.webhook`) and `demo` hand their stories to the same intake.
"""
