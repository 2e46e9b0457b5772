"""What the site knows, as data: claims with their verdicts, works, papers, learning paths, runs."""
