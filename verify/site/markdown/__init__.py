"""What happens to the text of a page: extensions of Python-Markdown."""
