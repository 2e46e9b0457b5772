"""Where text from strangers enters: issues, front matter, names of files. Bounded, checked, made harmless.

Nothing here runs text, follows a link or writes outside the folder it was given. What is refused says what is
wrong, where, and how to mend it.
"""
