"""What all tests share: property tests try the same examples each time, new ones only in `make soak`."""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=1_000, deadline=None)
settings.load_profile("soak" if os.environ.get("RISKWIRE_SOAK") else "same")
