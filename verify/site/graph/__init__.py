"""Which claim rests on which: edges, places, drawing, and the page of the graph."""
