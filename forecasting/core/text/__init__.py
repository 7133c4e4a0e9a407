"""What texts say: language, sentiment, aspects, screening, and the voice of a product's reviews over time."""
