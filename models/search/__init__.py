"""Tables of search: looking for loads on the way home, and offering them."""
