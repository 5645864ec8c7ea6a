"""Settings for all tests; the markers stand in pyproject.toml."""

from hypothesis import settings

# How long one example takes says more about a busy machine than about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
