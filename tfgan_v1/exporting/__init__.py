"""A trained generator as files for other programs: a SavedModel, ONNX, and weights with a description."""
