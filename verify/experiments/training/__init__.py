"""Training small denoisers: networks, objectives, a loop that resumes bit for bit, honest measures of the result."""
