"""One script for each figure that README or docs quote."""
