"""The exact layer: what is zero, what is provably not, and how one step of a derivation is judged."""
