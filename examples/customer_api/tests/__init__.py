"""Tests of the functions and of the template."""
