"""Use cases: each public function is one thing the product does, whole."""
