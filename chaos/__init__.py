"""Chaos: producers and drainers as processes, under every fault at once, and a checker.

Run it with `make chaos`, or `python -m chaos --help`. A seeded schedule strikes a real database
server, the network before it, the queue and the drainers. Every process writes down what it does
before and after it does it. When all faults are healed and the queues are empty, a checker that
knows neither side compares that history with the tables and the dead letters.
"""
