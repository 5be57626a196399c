"""Golden numbers of two-sample statistics for packages/learn/src/drift, run by hand:

    pip install frouros scikit-learn scipy
    python bench/peers/golden_two_sample.py > packages/learn/src/drift/two-sample/two-sample.golden.json

Small random samples and what SciPy, Frouros and scikit-learn make of them. Evidently is not needed for
its population stability index, which is written out; nor is anything for the linear-time MMD.
"""

import json
import math
import random
import sys

import numpy as np
from frouros.detectors.data_drift import HellingerDistance
from scipy import stats
from sklearn.metrics import recall_score
from sklearn.naive_bayes import GaussianNB

made = random.Random(11)


def rows(count, mean, deviation, features=3):
    return [[round(made.gauss(mean, deviation), 2) for _ in range(features)] for _ in range(count)]


def ks_case(first, second):
    sizes = len(first) * len(second)
    exact = stats.ks_2samp(first, second, method="exact")
    limit = stats.kstwobign.sf(exact.statistic * math.sqrt(sizes / (len(first) + len(second))))
    return {
        "first": sorted(first),
        "second": sorted(second),
        "distance": exact.statistic,
        "pValue": exact.pvalue,
        "limit": float(limit),
    }


def histogram_case(first, second, bins):
    distance = HellingerDistance(num_bins=bins)
    distance.fit(X=np.array(first))
    told = distance.compare(X=np.array(second))[0].distance
    edges = np.histogram_bin_edges(np.concatenate([first, second]), bins=bins)
    counts = [np.histogram(values, bins=edges)[0] for values in (first, second)]
    p, q = (c / c.sum() for c in counts)
    byhand = math.sqrt(1 - float(np.sqrt(p * q).sum()))
    p, q = (np.where(part < 1e-4, 1e-4, part) for part in (p, q))  # Evidently's get_binned_data
    psi = float(((p - q) * np.log(p / q)).sum())
    return {
        "first": counts[0].tolist(),
        "second": counts[1].tolist(),
        "hellinger": byhand,
        "frouros": told,
        "psi": psi,
    }


def linear_mmd(x, y, sigma):
    def k(a, b):
        return np.exp(-((a - b) ** 2).sum(axis=1) / (2 * sigma**2))

    n = min(len(x), len(y)) // 2 * 2
    x, y = np.array(x)[len(x) - n :], np.array(y)[len(y) - n :]
    x1, x2, y1, y2 = x[0::2], x[1::2], y[0::2], y[1::2]
    return float((k(x1, x2) + k(y1, y2) - k(x1, y2) - k(x2, y1)).mean())


def mmd_case(first, second):
    return {
        "first": first,
        "second": second,
        "values": {str(sigma): linear_mmd(first, second, sigma) for sigma in (0.5, 1.5)},
    }


def classifier_case(first, second):
    train = first[0::2] + second[0::2]
    labels = [0] * len(first[0::2]) + [1] * len(second[0::2])
    model = GaussianNB(priors=[0.5, 0.5]).fit(train, labels)
    test = first[1::2] + second[1::2]
    truth = [0] * len(first[1::2]) + [1] * len(second[1::2])
    recall = recall_score(truth, model.predict(test), average="macro")
    return {"first": first, "second": second, "accuracy": float(recall)}


def column(values):
    return [value for (value,) in values]


ks = []
for n, m, shift in ((20, 20, 0), (30, 30, 0.8), (25, 40, 0.5), (7, 50, 1.5), (60, 45, 0), (30, 30, 5)):
    ks.append(ks_case(column(rows(n, 0, 1, 1)), column(rows(m, shift, 1, 1))))
ks.append(ks_case([0, 0, 0, 1, 1], [0, 1, 1, 1, 1, 1]))
json.dump(
    {
        "ks": ks,
        "histograms": [
            histogram_case(column(rows(n, 0, 1, 1)), column(rows(m, shift, deviation, 1)), bins)
            for n, m, shift, deviation, bins in (
                (200, 100, 0, 1, 10),
                (150, 150, 0.7, 1, 10),
                (90, 300, 0, 3, 20),
                (50, 50, 9, 1, 10),
            )
        ],
        "mmd": [mmd_case(rows(21, 0, 1), rows(30, 0, 1)), mmd_case(rows(40, 0, 1), rows(40, 1, 1))],
        "classifier": [
            classifier_case(rows(40, 0, 1), rows(40, 0, 1)),
            classifier_case(rows(60, 0, 1), rows(30, 0.8, 1)),
            classifier_case(rows(50, 0, 1), rows(50, 0, 3)),
        ],
    },
    sys.stdout,
)
print()
