"""Zone 3: sees cells and the support behind them; decides what leaves, and who signed for it."""
