"""The numbers of each training step, in the order in which the graph returns them."""

# By what D's logits are read as, see losses.Loss. Of D for the last of its k updates. D(x) and D(G(z)) are mean
# probabilities, scores mean logits. Accuracies are shares of a batch on the right side of 0.5: for D, of the real and
# generated images before its update; for G, of its images that the new D takes for real.
METRICS = {
    "probabilities": ("d_loss", "g_loss", "D(x)", "D(G(z))", "d_accuracy", "g_accuracy"),
    "scores": ("d_loss", "g_loss", "score(x)", "score(G(z))"),
}
