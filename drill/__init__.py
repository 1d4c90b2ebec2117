"""The upgrade drill: a rehearsal of a database upgrade under load, on real parts.

Run it with `make drill`, or `python -m drill --help`. Events of API Gateway go into the handlers
of `drill/handlers`, which are what a team would write. A real database server is shut down, comes
back read-only, then writable. At the end a checker that knows neither side compares what was
acknowledged with what is stored.
"""
