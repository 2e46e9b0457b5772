"""Fuzzing of the reader and the prover: a short round in every test run, a long one with `make fuzz`."""
