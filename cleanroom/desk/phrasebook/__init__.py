"""The phrases of which gate, studies and machine make their sentences, by who says them."""
