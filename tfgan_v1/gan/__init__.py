"""Algorithm 1 as a TensorFlow graph: networks, losses, one training step, the loop around it."""
