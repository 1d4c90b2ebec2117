"""Tests that can fail: faults that are planted in a copy of the source, each to be caught.

`faults.toml` is the list. Every fault breaks a guarantee that the documentation makes; a fault
that no test catches is a test that is missing.
"""
