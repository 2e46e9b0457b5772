"""Experiments on score matching, one module each, so that editing one leaves the records of the others fresh."""
