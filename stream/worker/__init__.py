"""The worker of the cluster: documents topic → scorer → scored topic, index, commit. Wired in `stream.app`."""
