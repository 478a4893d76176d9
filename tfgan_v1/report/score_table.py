"""The lines that `evaluate` prints: each figure of generated images beside that of real ones."""

MOST_CLASSES = 20  # whose shares are printed


def lines(evaluation):
    """The lines of an evaluating.Evaluation: what was measured, the table, class shares, notes."""
    about, classifier = evaluation.about, evaluation.about["classifier"]
    source, data = about["source"], about["data"]
    where = source.get("samples") or f"{source['ckpt']}, step {source['step']:,}"
    head = [f"{where} against {data['name']}: n {about['n']:,}, test {about['n_test']:,}, seed {about['seed']}"]
    if classifier:
        head.append(
            f"classifier of {classifier['trained_on']}: {classifier['accuracy']:.2%} on {classifier['tested_on']}, "
            f"seed {classifier['seed']}, weights {classifier['sha256'][:12]}"
        )
    rows = [(name.replace("_", " "), *map(number, each[:2]), each.hint) for name, each in evaluation.figures.items()]
    table = [("", "generated", "real", ""), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    body = [
        f"  {name:{widths[0]}}  {generated:>{widths[1]}}  {real:>{widths[2]}}  {hint}".rstrip()
        for name, generated, real, hint in table
    ]
    if 0 < len(evaluation.shares) <= MOST_CLASSES:
        shares = (f"{name} {each.generated:.1%} ({each.real:.1%})" for name, each in evaluation.shares.items())
        body.append(f"  class shares, in brackets the real ones: {', '.join(shares)}")
    return [*head, *body, *(f"note: {each}" for each in evaluation.notes)]


def number(value):
    """A figure with four significant digits, and whole ones in full: 0.0213, 9.851, 1000, nan."""
    if value == round(value, 0) and abs(value) < 1e9:  # false for nan
        return f"{value:.0f}"
    return f"{value:.4g}"
