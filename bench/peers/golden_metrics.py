"""Golden numbers of prequential metrics for packages/learn/src/evaluate, run by hand:

    pip install river scikit-learn
    python bench/peers/golden_metrics.py ../shared/data/drift-streams \
        > packages/learn/src/evaluate/metrics.golden.json

Real streams, tested and then trained on by simple models of River; their predictions are rounded and
stored, so that the test scores the same ones. Metrics are River's over all samples and over a window,
and scikit-learn's where River has none (AUC of more than two classes, weights in an AUC) or as a second
opinion. What neither has is written out here in plain loops: fading metrics, calibration error, and
Kappa-temporal and Kappa-M, which River has dropped.
"""

import base64
import csv
import gzip
import json
import math
import sys
import warnings

import numpy as np
from river import dummy, linear_model, metrics, naive_bayes, preprocessing, utils
from sklearn import metrics as sk

warnings.filterwarnings("ignore", category=DeprecationWarning)  # River on Rolling of an instance

WINDOW = 200
FADING = 0.99
BINS = 10
EVERY = 300


def rows(folder, name):
    with gzip.open(f"{folder}/{name}.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


def features(row, names):
    return {name: float(row[name]) for name in names}


def weight_of(i):
    """A weight that the test can make again: 0.5, 1, 1.5, 2 or 2.5."""
    return 0.5 * (1 + (i * 7) % 5)


def classified(samples, model, classes):
    """Labels and rounded probabilities, each predicted before it is learned."""
    labels, probabilities = [], []
    for x, y in samples:
        given = model.predict_proba_one(x)
        p = np.array([given.get(c, 0.0) for c in range(classes)]) + 1e-4
        p = np.round(p / p.sum(), 5)
        # The largest takes what rounding has left over, so that there is one largest.
        top = int(np.argmax(p))
        p[top] = round(1 - float(np.delete(p, top).sum()), 5)
        labels.append(y)
        probabilities.append(p.tolist())
        model.learn_one(x, y)
    return labels, probabilities


def baselines(labels, classes):
    last, counts, answers = None, [0] * classes, []
    for y in labels:
        answers.append((last, int(np.argmax(counts)) if last is not None else None))
        last = y
        counts[y] += 1
    return answers


def class_metrics(y, p, answers, w, classes):
    """Scores of the samples in y with the weights w, by scikit-learn and by hand."""
    y, p, w = np.array(y), np.array(p), np.array(w)
    predicted = p.argmax(axis=1)
    seen = sorted(set(y) | set(predicted))
    accuracy = float((w * (predicted == y)).sum() / w.sum())
    no_change = float((w * np.array([a == t for (a, _), t in zip(answers, y)])).sum() / w.sum())
    majority = float((w * np.array([m == t for (_, m), t in zip(answers, y)])).sum() / w.sum())
    confidence = p.max(axis=1)
    bins = np.minimum(BINS - 1, np.floor(confidence * BINS)).astype(int)
    ece = sum(
        abs((w * (predicted == y))[bins == b].sum() - (w * confidence)[bins == b].sum())
        for b in range(BINS)
    ) / w.sum()
    if classes == 2:
        auc = sk.roc_auc_score(y, p[:, 1], sample_weight=w)
    else:
        auc = np.mean(
            [
                sk.roc_auc_score(y == c, p[:, c], sample_weight=w)
                for c in range(classes)
                if 0 < (y == c).sum() < len(y)
            ]
        )
    f1 = sk.f1_score(y, predicted, average=None, labels=range(classes), sample_weight=w)
    return {
        "accuracy": accuracy,
        "noChangeAccuracy": no_change,
        "majorityAccuracy": majority,
        "logLoss": float(sk.log_loss(y, p, labels=range(classes), sample_weight=w)),
        "f1": [float(f1[c]) if c in seen else None for c in range(classes)],
        "macroF1": float(
            sk.f1_score(y, predicted, average="macro", labels=seen, sample_weight=w)
        ),
        "binaryF1": float(f1[1]) if classes == 2 else None,
        "auc": float(auc),
        "calibrationError": float(ece),
        "kappa": float(sk.cohen_kappa_score(y, predicted, sample_weight=w)),
        "kappaTemporal": (accuracy - no_change) / (1 - no_change),
        "kappaM": (accuracy - majority) / (1 - majority),
    }


class RiverClassMetrics:
    """River's metrics over all samples and over the window."""

    def __init__(self, classes, weighted):
        self.classes, self.weighted = classes, weighted
        self.cumulative = self.made()
        self.window = {name: utils.Rolling(metric, WINDOW) for name, metric in self.made().items()}
        if classes == 2 and not weighted:
            self.auc = metrics.RollingROCAUC(window_size=WINDOW, pos_val=1)

    def made(self):
        of_class = {f"f1/{c}": metrics.F1() for c in range(self.classes)}
        return {
            "accuracy": metrics.Accuracy(),
            "macroF1": metrics.MacroF1(),
            "kappa": metrics.CohenKappa(),
            "logLoss": metrics.CrossEntropy(),
            **of_class,
        }

    def update(self, y, p, w):
        predicted = int(np.argmax(p))
        for group in (self.cumulative, self.window):
            for name, metric in group.items():
                if name.startswith("f1/"):
                    # A class against the rest: River's F1 is of True.
                    positive = int(name[3:])
                    metric.update(y == positive, predicted == positive, w)
                else:
                    metric.update(y, dict(enumerate(p)) if name == "logLoss" else predicted, w)
        if hasattr(self, "auc"):
            self.auc.update(y, p[1])

    def get(self):
        window = {name: metric.get() for name, metric in self.window.items()}
        if hasattr(self, "auc"):
            window["auc"] = self.auc.get()
        return {
            "cumulative": {name: metric.get() for name, metric in self.cumulative.items()},
            "window": window,
        }


def class_case(samples, model, classes):
    labels, probabilities = classified(samples, model, classes)
    answers = baselines(labels, classes)
    cases = []
    for weighted in (False, True):
        weights = [weight_of(i) if weighted else 1.0 for i in range(len(labels))]
        river = RiverClassMetrics(classes, weighted)
        for n, (y, p, w) in enumerate(zip(labels, probabilities, weights), start=1):
            river.update(y, p, w)
            if n % EVERY != 0:
                continue

            def score(take, w):
                return class_metrics(
                    labels[take], probabilities[take], answers[take], w, classes
                )

            faded = [weights[i] * FADING ** (n - 1 - i) for i in range(n)]
            cases.append(
                {
                    "samples": n,
                    "weighted": weighted,
                    "cumulative": score(slice(0, n), weights[:n]),
                    "window": score(slice(max(0, n - WINDOW), n), weights[max(0, n - WINDOW) : n]),
                    "fading": score(slice(0, n), faded),
                    "river": river.get(),
                }
            )
    return {
        "classes": classes,
        "labels": "".join(map(str, labels)),
        # As whole numbers of 10⁻⁵; the last class is what is left.
        "probabilities": [[round(1e5 * v) for v in p[:-1]] for p in probabilities],
        "cases": cases,
    }


def number_case(samples, model):
    values, predicted = [], []
    for x, y in samples:
        values.append(y)
        predicted.append(round(model.predict_one(x), 5))
        model.learn_one(x, y)
    noChange = [None] + values[:-1]
    mean = [None] + [math.fsum(values[:i]) / i for i in range(1, len(values))]
    cases = []
    for weighted in (False, True):
        weights = [weight_of(i) if weighted else 1.0 for i in range(len(values))]
        made = {"rmse": metrics.RMSE, "mae": metrics.MAE}
        river = {name: kind() for name, kind in made.items()}
        rolling = {name: utils.Rolling(kind(), WINDOW) for name, kind in made.items()}
        for n in range(1, len(values) + 1):
            for group in (river, rolling):
                for metric in group.values():
                    metric.update(values[n - 1], predicted[n - 1], weights[n - 1])
            if n % EVERY != 0:
                continue

            def score(take, w):
                result = {}
                for name, answers in (("", predicted), ("noChange", noChange), ("mean", mean)):
                    kept = [
                        (v, a, u) for v, a, u in zip(values[take], answers[take], w) if a is not None
                    ]
                    total = math.fsum(u for _, _, u in kept)
                    square = math.fsum(u * (v - a) ** 2 for v, a, u in kept) / total
                    error = math.fsum(u * abs(v - a) for v, a, u in kept) / total
                    result[name + "Rmse" if name else "rmse"] = math.sqrt(square)
                    result[name + "Mae" if name else "mae"] = error
                return result

            faded = [weights[i] * FADING ** (n - 1 - i) for i in range(n)]
            cases.append(
                {
                    "samples": n,
                    "weighted": weighted,
                    "cumulative": score(slice(0, n), weights[:n]),
                    "window": score(slice(max(0, n - WINDOW), n), weights[max(0, n - WINDOW) : n]),
                    "fading": score(slice(0, n), faded),
                    "river": {
                        "cumulative": {name: metric.get() for name, metric in river.items()},
                        "window": {name: metric.get() for name, metric in rolling.items()},
                    },
                }
            )
    return {"values": values, "predicted": predicted, "cases": cases}


def whole_stream(labels):
    """Accuracy of River's dummies on all of Elec2, and the labels, eight to a byte."""
    scores = {}
    for name, model in (
        ("noChange", dummy.NoChangeClassifier()),
        ("majority", dummy.PriorClassifier()),
    ):
        right = 0
        for y in labels:
            right += model.predict_one({}) == y
            model.learn_one({}, y)
        scores[name] = right / len(labels)
    packed = np.packbits(np.array(labels, dtype=np.uint8), bitorder="little").tobytes()
    return {"count": len(labels), "labels": base64.b64encode(packed).decode(), **scores}


def main(folder):
    elec2 = rows(folder, "elec2")
    names = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
    up = [(features(row, names), int(row["class"] == "UP")) for row in elec2]
    demand = [
        (features(row, ["period", "nswprice", "vicdemand"]), float(row["nswdemand"]))
        for row in elec2
    ]
    insects = rows(folder, "insects_gradual")
    species = sorted({row["species"] for row in insects})
    columns = [name for name in insects[0] if name != "species"]
    flights = [(features(row, columns), species.index(row["species"])) for row in insects]
    scaled = lambda model: preprocessing.StandardScaler() | model
    golden = {
        "window": WINDOW,
        "fading": FADING,
        "bins": BINS,
        "elec2": class_case(up[4_000:5_500], scaled(linear_model.LogisticRegression()), 2),
        "insects": class_case(flights[:900], naive_bayes.GaussianNB(), len(species)),
        "demand": number_case(demand[:900], scaled(linear_model.LinearRegression())),
        "baselines": whole_stream([y for _, y in up]),
    }
    json.dump(golden, sys.stdout, separators=(",", ":"))
    print()


main(sys.argv[1])
