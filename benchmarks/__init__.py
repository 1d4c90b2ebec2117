"""What durable_ingest costs, beside what a user would otherwise write, in one run.

Run it with `make bench`, or `python -m benchmarks --help`. Nothing here is a test: figures are
reported, and `docs/performance.md` is made of one run's.
"""
