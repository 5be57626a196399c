"""Golden numbers for estimating accuracy without labels, run by hand:

    python bench/peers/golden_calibration.py \
        > packages/learn/src/drift/uncertainty/calibration.golden.json

NumPy copies of what NannyML (CBPE: isotonic calibration, then the mean chance of being right) and
scikit-learn (isotonic regression with np.interp between its knots, Brier score, reliability table)
compute; neither is installed here. The isotonic regression is by its min-max formula, not by pooling:

    fit_i = max over j <= i of min over k >= i of mean(y_j .. y_k)

A model of two classes that is too sure: it says p, and is right in 0.8 p + 0.05 - 0.05 sin(6 p) of the
cases. Later its samples become harder, or easier.
"""

import json

import numpy

REFERENCE, LATER, BINS = 4000, 2000, 10


def stream(count, seed, low, high):
    """Confidence in the answer, and whether that is right."""
    random = numpy.random.default_rng(seed)
    confidence = numpy.round(random.uniform(low, high, count), 4)
    chance = 0.8 * confidence + 0.05 - 0.05 * numpy.sin(6 * confidence)
    right = (random.uniform(size=count) < chance).astype(int)
    return confidence, right


def isotonic(x, y):
    """Knots and values of the fit, ties being averaged first."""
    knots, inverse = numpy.unique(x, return_inverse=True)
    weights = numpy.bincount(inverse).astype(float)
    means = numpy.bincount(inverse, weights=y) / weights
    n = len(knots)
    cum_w = numpy.concatenate([[0], numpy.cumsum(weights)])
    cum_y = numpy.concatenate([[0], numpy.cumsum(weights * means)])
    fit = numpy.full(n, -numpy.inf)
    for j in range(n):
        ends = numpy.arange(j, n)
        averages = (cum_y[ends + 1] - cum_y[j]) / (cum_w[ends + 1] - cum_w[j])
        # min over k >= i of the mean from j to k, for every i >= j
        least = numpy.minimum.accumulate(averages[::-1])[::-1]
        fit[j:] = numpy.maximum(fit[j:], least)
    return knots, weights, means, fit


def reliability(p, y):
    bins = numpy.minimum(BINS - 1, (p * BINS).astype(int))
    rows = []
    for b in range(BINS):
        inside = bins == b
        count = int(inside.sum())
        if count:
            rows.append([b, count, float(p[inside].mean()), float(y[inside].mean())])
    return rows


if __name__ == "__main__":
    confidence, right = stream(REFERENCE, 1, 0.5, 1.0)
    knots, weights, means, fit = isotonic(confidence, right)
    cases = []
    shifts = [("as before", 2, 0.5, 1.0), ("harder", 3, 0.5, 0.7), ("easier", 4, 0.85, 1.0)]
    for name, seed, low, high in shifts:
        later, later_right = stream(LATER, seed, low, high)
        calibrated = numpy.interp(later, knots, fit)
        cases.append(
            {
                "name": name,
                "confidence": later.tolist(),
                "right": later_right.tolist(),
                "cbpe": float(calibrated.mean()),
                "accuracy": float(later_right.mean()),
            }
        )
    rows = reliability(confidence, right)
    gaps = sum(count * abs(p - y) for _, count, p, y in rows) / REFERENCE
    print(
        json.dumps(
            {
                "numpy": numpy.__version__,
                "confidence": confidence.tolist(),
                "right": right.tolist(),
                "isotonic": {
                    "means": means[::20].tolist(),
                    "every": 20,
                    "fit": fit[::20].tolist(),
                    "count": len(knots),
                },
                "brier": float(((confidence - right) ** 2).mean()),
                "calibrationError": gaps,
                "bins": rows,
                "cases": cases,
            },
            separators=(",", ":"),
        )
    )
