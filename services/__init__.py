"""Use cases: each public function does one whole thing that the product does."""
