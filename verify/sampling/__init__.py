"""The second opinion: the same tree in mpmath, at drawn points, with no code of `verify.meaning`."""
