"""What studies make of protected cells: pure functions from released numbers to findings."""
