"""What a reader sees of a claim: its card, its formulas with verdict marks, and its small forms."""
