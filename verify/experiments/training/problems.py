"""What can go wrong in training that the user can mend."""


class TrainingError(ValueError):
    """One sentence: what is wrong, where, and how to mend it."""
