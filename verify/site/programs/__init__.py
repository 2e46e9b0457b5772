"""What programs read: JSON, feeds, search words, and what a browser needs to judge."""
