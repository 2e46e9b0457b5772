"""Experiments on variational diffusion models."""
