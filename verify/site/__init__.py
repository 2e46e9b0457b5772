"""The reader's site: claim cards, generated pages, both editions. Nothing else of the package imports it."""
