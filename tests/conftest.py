"""What all tests share: the servers of the cluster setting; property tests try the same examples each time, new ones
only in `make soak`."""

import os

from hypothesis import settings

from cluster import elasticsearch, kafka, own_name, services

__all__ = ["elasticsearch", "kafka", "own_name", "services"]

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=1_000, deadline=None)
settings.load_profile("soak" if os.environ.get("RISKWIRE_SOAK") else "same")
