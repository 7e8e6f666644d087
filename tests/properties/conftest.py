"""Properties are searched for counter-examples, not timed: the time limit of pytest bounds them."""

from hypothesis import settings

settings.register_profile("backfilld", deadline=None)
settings.load_profile("backfilld")
