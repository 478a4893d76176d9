"""How good the samples are: arrays in, numbers out."""
