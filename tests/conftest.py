"""Settings for all tests; the markers stand in pyproject.toml."""

import os

from hypothesis import settings

# How long one example takes says more about a busy machine than about the code. In CI the same
# commit tries the same examples, so that it passes again or fails again; elsewhere they are new.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")

# As the command line has it: two test processes would wait for each other's threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
