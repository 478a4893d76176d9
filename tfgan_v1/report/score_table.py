"""The lines that `evaluate` prints: each score of generated images next to that of real ones."""

MOST_CLASSES = 20  # whose shares and scores are printed


def lines(evaluation):
    """The lines of an evaluate.Evaluation: what was measured, the table, class shares, notes."""
    about, classifier = evaluation.about, evaluation.about["classifier"]
    source, data = about["source"], about["data"]
    where = source.get("samples") or f"{source['ckpt']}, step {source['step']:,}"
    head = [f"{where} against {data['name']}: n {about['n']:,}, test {about['n_test']:,}, seed {about['seed']}"]
    if classifier:
        head.append(
            f"classifier of {classifier['trained_on']}: {classifier['accuracy']:.2%} on {classifier['tested_on']}, "
            f"seed {classifier['seed']}, weights {classifier['sha256'][:12]}"
        )
    rows = [(name.replace("_", " "), *map(number, each[:2]), each.hint) for name, each in evaluation.scores.items()]
    body = aligned([("", "generated", "real", ""), *rows], "<>><")
    if 0 < len(evaluation.by_class) <= MOST_CLASSES:
        body += _class_lines(evaluation.by_class)
    if 0 < len(evaluation.shares) <= MOST_CLASSES:
        shares = (f"{name} {each.generated:.1%} ({each.real:.1%})" for name, each in evaluation.shares.items())
        body.append(f"  class shares, in brackets the real ones: {', '.join(shares)}")
    return [*head, *body, *(f"note: {each}" for each in evaluation.notes)]


def _class_lines(by_class):
    """The table of the scores of each class."""
    names = list(next(iter(by_class.values())))
    rows = [["class", *(cell for name in names for cell in (name.replace("_", " "), "real"))]]
    for label, scores in by_class.items():
        rows.append([label, *(number(value) for name in names for value in scores[name][:2])])
    return aligned(rows, "<" + ">>" * len(names))


def aligned(rows, alignments):
    """The lines of a table of texts; alignments: < or > for each column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    template = "".join(f"  {{:{side}{width}}}" for side, width in zip(alignments, widths, strict=True))
    return [template.format(*row).rstrip() for row in rows]


def number(value):
    """A score with four significant digits, and whole ones in full: 0.0213, 9.851, 1000, nan."""
    if value == round(value, 0) and abs(value) < 1e9:  # false for nan
        return f"{value:.0f}"
    return f"{value:.4g}"
