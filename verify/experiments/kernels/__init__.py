"""Arithmetic that oracles spend their time in: matrix products with a data set, and one fused kernel for small d."""
