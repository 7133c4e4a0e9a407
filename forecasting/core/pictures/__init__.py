"""Photos as vectors: a small convolutional network on ONNX Runtime, and neighbours by cosine."""
