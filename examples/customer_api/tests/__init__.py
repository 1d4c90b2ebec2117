"""Tests of the functions, and in `template` of the template."""
