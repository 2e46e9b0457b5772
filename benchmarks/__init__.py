"""Comparisons, side by side in one run. Nothing here is a test; nothing in the tests depends on a clock."""
