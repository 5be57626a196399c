"""Golden alarms of drift detectors for packages/learn/src/drift, run by hand:

    pip install river frouros scikit-learn
    python bench/peers/golden_drift.py ../shared/data/drift-streams \
        > packages/learn/src/drift/detectors/detectors.golden.json

Streams of errors and of numbers, and at which of their values River's and Frouros' detectors alarm and
warn. After an alarm both start anew: River by itself, Frouros because it is told to. KSWIN draws with
Everfresh's random numbers, which are written out here, so that both see the same samples.
"""

import base64
import csv
import gzip
import json
import random
import sys
import warnings

import frouros
import river
from frouros.detectors.concept_drift import CUSUM, CUSUMConfig, ECDDWT, ECDDWTConfig
from river import drift, naive_bayes

warnings.filterwarnings("ignore")


def bernoulli(seed, parts, correlation=0.0):
    """Errors; with a correlation each is the one before with that probability."""
    made, last = random.Random(seed), None
    values = []
    for count, rate in parts:
        for _ in range(count):
            if last is None or made.random() >= correlation:
                last = 1 if made.random() < rate else 0
            values.append(last)
    return values


def gaussian(seed, parts):
    made = random.Random(seed)
    return [round(made.gauss(mean, sd), 3) for count, mean, sd in parts for _ in range(count)]


def elec2(folder):
    """Errors of a naive Bayes classifier that is tested on each sample of Elec2 and then trained."""
    with gzip.open(f"{folder}/elec2.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    label = list(rows[0])[-1]
    model, errors = naive_bayes.GaussianNB(), []
    for row in rows:
        x = {name: float(value) for name, value in row.items() if name not in (label, "date", "day")}
        errors.append(int(model.predict_one(x) != row[label]))
        model.learn_one(x, row[label])
    return errors


class Philox:
    """Everfresh's Random: Philox4x32-10, the words of stream `stream` of a seed."""

    def __init__(self, seed, stream):
        self.seed, self.stream, self.drawn = seed, stream, 0

    def word(self):
        block, lane = divmod(self.drawn, 4)
        self.drawn += 1
        c = [block & 0xFFFFFFFF, block >> 32, self.stream & 0xFFFFFFFF, self.stream >> 32]
        k0, k1 = self.seed & 0xFFFFFFFF, self.seed >> 32
        for _ in range(10):
            a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(b >> 32) ^ c[1] ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k1, a & 0xFFFFFFFF]
            k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
        return c[lane]

    def below(self, limit):
        accepted = 2**32 - 2**32 % limit
        while True:
            word = self.word()
            if word < accepted:
                return word % limit

    def sample(self, population, count):
        places = list(population)
        for i in range(count):
            other = i + self.below(len(places) - i)
            places[i], places[other] = places[other], places[i]
        return places[:count]


def stream_of(name):
    digest = 0x811C9DC5
    for byte in name.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    return digest


def checksum(indices):
    """How many, and their sum: enough to tell that a long list is the same."""
    return [len(indices), sum(indices)]


def run_river(make, values, generator=None):
    detector, alarms, warned = make(), [], []
    for i, value in enumerate(values):
        if generator is not None:
            if detector.drift_detected:
                detector._reset()
            detector._rng = generator
        detector.update(value)
        if detector.drift_detected:
            alarms.append(i)
        elif getattr(detector, "warning_detected", False):
            warned.append(i)
    return alarms, checksum(warned)


def run_frouros(make, values):
    detector, alarms, warned = make(), [], []
    for i, value in enumerate(values):
        detector.update(value=value)
        if detector.drift:
            alarms.append(i)
            detector.reset()
        elif getattr(detector, "warning", False):
            warned.append(i)
    return alarms, checksum(warned)


def river_cases():
    d, b = drift, drift.binary
    yield "numbers", {"kind": "pageHinkley"}, lambda: d.PageHinkley()
    for direction in ("up", "down", "both"):
        spec = {"kind": "pageHinkley", "threshold": 12, "delta": 0.02, "direction": direction}
        yield "numbers", spec, lambda direction=direction: d.PageHinkley(
            threshold=12, delta=0.02, mode=direction
        )
    yield "numbers", {"kind": "adwin"}, lambda: d.ADWIN()
    spec = {"kind": "adwin", "delta": 0.1, "everySamples": 1, "bucketsMax": 3, "partMin": 8}
    yield "numbers", {**spec, "warmUp": 40}, lambda: d.ADWIN(
        delta=0.1, clock=1, max_buckets=3, min_window_length=8, grace_period=40
    )
    yield "errors", {"kind": "ddm"}, lambda: b.DDM()
    spec = {"kind": "ddm", "warmUp": 100, "warningDeviations": 1.5, "driftDeviations": 2.5}
    yield "errors", spec, lambda: b.DDM(100, 1.5, 2.5)
    yield "errors", {"kind": "eddm"}, lambda: b.EDDM()
    spec = {"kind": "eddm", "warmUp": 60, "warningBelow": 0.9, "driftBelow": 0.8}
    yield "errors", spec, lambda: b.EDDM(60, 0.9, 0.8)
    yield "errors", {"kind": "hddmA"}, lambda: b.HDDMA()
    spec = {"kind": "hddmA", "direction": "both", "driftConfidence": 1e-4}
    yield "errors", spec, lambda: b.HDDMA(1e-4, 0.005, True)
    yield "errors", {"kind": "hddmW"}, lambda: b.HDDMW()
    spec = {"kind": "hddmW", "direction": "both", "smoothing": 0.02, "driftConfidence": 1e-4}
    yield "errors", spec, lambda: b.HDDMW(1e-4, 0.005, 0.02, True)


def frouros_cases():
    yield "numbers", {"kind": "cusum"}, lambda: CUSUM()
    spec = {"kind": "cusum", "threshold": 8, "delta": 0.05, "warmUp": 100}
    yield "numbers", spec, lambda: CUSUM(
        config=CUSUMConfig(delta=0.05, lambda_=8, min_num_instances=100)
    )
    for length in (100, 400, 1000):
        spec = {"kind": "ecdd", "averageRunLength": length}
        yield "errors", spec, lambda length=length: ECDDWT(
            config=ECDDWTConfig(average_run_length=length)
        )


def main(folder):
    streams = {
        "bernoulli": bernoulli(1, [(3000, 0.2), (3000, 0.4), (2000, 0.1), (2000, 0.3)]),
        "correlated": bernoulli(2, [(3000, 0.2), (3000, 0.4), (2000, 0.1)], 0.5),
        "rare": bernoulli(3, [(4000, 0.02), (4000, 0.05)]),
        "elec2": elec2(folder),
        "gaussian": gaussian(4, [(800, 0, 1), (600, 0.7, 1), (600, 0.7, 3), (500, -1, 1)]),
    }
    cases = []
    for peer, made, run in (
        (f"River {river.__version__}", river_cases(), run_river),
        (f"Frouros {frouros.__version__}", frouros_cases(), run_frouros),
    ):
        for takes, spec, make in made:
            for name, values in streams.items():
                if takes == "errors" and name == "gaussian":
                    continue
                alarms, warned = run(make, values)
                case = {"peer": peer, "spec": spec, "stream": name, "alarms": alarms}
                cases.append({**case, "warnings": warned})
    for name, alpha in (("gaussian", 0.005), ("gaussian", 0.05), ("bernoulli", 0.05)):
        generator = Philox(7, stream_of("kswin"))
        values = streams[name][:2500]
        alarms, warned = run_river(lambda: drift.KSWIN(alpha=alpha), values, generator)
        case = {"peer": f"River {river.__version__}", "spec": {"kind": "kswin", "alpha": alpha, "seed": 7}}
        case = {**case, "stream": name, "length": 2500, "alarms": alarms, "warnings": warned}
        cases.append(case)
    packed = {}
    for name, values in streams.items():
        if name == "gaussian":
            packed[name] = values
            continue
        bits = bytearray((len(values) + 7) // 8)
        for i, value in enumerate(values):
            bits[i >> 3] |= value << (i & 7)
        packed[name] = {"count": len(values), "bits": base64.b64encode(bits).decode()}
    json.dump({"streams": packed, "cases": cases}, sys.stdout, separators=(",", ":"))
    print()


main(sys.argv[1])
