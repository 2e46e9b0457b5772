"""Experiments on grafting, one module each, so that editing one leaves the records of the others fresh."""
