"""Properties have no time limit: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("durable_ingest", deadline=None)
settings.load_profile("durable_ingest")
