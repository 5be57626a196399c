"""River's no-change and prior classifiers on a stream, for bench/streams/peer-check.ts.

    python river_baselines.py LAG < labels

Reads one label per line. Each sample is predicted when it arrives; its label is learned so many
samples later. Writes {"version", "noChange", "majority"}: accuracies over all samples.
"""

import json
import sys

import river
from river import dummy


def main():
    lag = int(sys.argv[1])
    labels = [int(line) for line in sys.stdin]
    models = {"noChange": dummy.NoChangeClassifier(), "majority": dummy.PriorClassifier()}
    right = dict.fromkeys(models, 0)
    for arrived, label in enumerate(labels):
        for name, model in models.items():
            right[name] += model.predict_one({}) == label
            if arrived >= lag:
                model.learn_one({}, labels[arrived - lag])
    accuracies = {name: count / len(labels) for name, count in right.items()}
    print(json.dumps({"version": river.__version__, **accuracies}))


main()
