"""Golden numbers of preprocessing for packages/core/src/preprocessing, run by hand:

    pip install scikit-learn tokenizers
    python bench/peers/golden_preprocessing.py > packages/core/src/preprocessing/preprocessing.golden.json

scikit-learn's StandardScaler and MinMaxScaler by partial_fit over batches, SimpleImputer, OneHotEncoder
and FeatureHasher (MurmurHash3); and a byte-level byte-pair vocabulary that Hugging Face's tokenizers has
trained, with what it makes of texts.
"""

import json
import sys

import numpy as np
import sklearn
import tokenizers
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.utils import murmurhash3_32
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = [
    "Everfresh keeps deployed models fresh: it trains on a stream and publishes sparse updates.",
    "The trained state is what the trainer knows; the deployed state is what every replica has.",
    "An update moves the deployed state a little way towards the trained one, and nothing is lost.",
    "Samples come late and dirty; rows that break the schema are kept with the reason.",
    "Ein Modell, das nie steht: für jede Änderung gibt es eine Fassung, groß oder klein.",
    "Des données fraîches, à chaque étape, et les mêmes transformations partout.",
    "It's what we've said, they're right, I'm sure you'll agree, he'd know: 1234567890 3.14159",
]

TEXTS = [
    "Everfresh keeps models fresh.",
    " two  spaces\tand\n\nlines  ",
    "it's we've I'm you'll he'd they're IT'S don't",
    "für Größe, naïve café",
    "模型 обновление ελληνικά ไทย",
    "emoji 🙂🙃 and 👩‍👩‍👧",
    "numbers 12345 ½ Ⅷ ٣ 1e-3",
    "a\u00a0b\u0085c\ufeffd\u200be\u3000f",
    "",
    " ",
    "x" * 50,
    "snake_case CamelCase kebab-case !!! ??? <tag>",
    "trailing space ",
    "\r\nwindows\r\n",
]


def tables():
    rng = np.random.default_rng(7)
    values = np.stack(
        [
            rng.normal(0, 1, 60),
            rng.normal(1e6, 1e-2, 60),
            rng.exponential(1e-6, 60),
            np.full(60, 0.1),
            rng.integers(-5, 6, 60).astype(float),
        ],
        axis=1,
    )
    missing = values.copy()
    missing[rng.random(values.shape) < 0.2] = np.nan
    missing[0] = values[0]
    return values, missing


def partial_fits(values, sizes):
    """What each scaler knows and makes after each batch; NaN is None."""
    standard, extremes = StandardScaler(), MinMaxScaler(feature_range=(-1, 1))
    at, cases = 0, []
    for size in sizes:
        batch = values[at : at + size]
        at += size
        standard.partial_fit(batch)
        extremes.partial_fit(batch)
        count = np.broadcast_to(standard.n_samples_seen_, values.shape[1:])
        cases.append(
            {
                "size": size,
                "count": count.tolist(),
                "mean": standard.mean_.tolist(),
                "variance": standard.var_.tolist(),
                "standardised": plain(standard.transform(values[:8])),
                "min": extremes.data_min_.tolist(),
                "max": extremes.data_max_.tolist(),
                "minMax": plain(extremes.transform(values[:8])),
            }
        )
    return cases


def plain(array):
    return [[None if np.isnan(v) else float(v) for v in row] for row in array]


def categories():
    lists = [["blue", "green", "red"], ["large", "small"]]
    rows = [["red", "small"], ["blue", "large"], ["violet", "small"], ["green", "größer"]]
    one_hot = OneHotEncoder(categories=lists, handle_unknown="ignore", sparse_output=False)
    one_hot.fit([["red", "small"]])
    hashes = {}
    for size in (4, 16, 1000):
        for signed in (True, False):
            hasher = FeatureHasher(size, input_type="dict", alternate_sign=signed)
            named = [{"colour": colour, "size": name} for colour, name in rows]
            hashes[f"{size} {signed}"] = hasher.transform(named).toarray().tolist()
    words = ["", "a", "ab", "abc", "abcd", "abcde", "größer", "模型", "🙂" * 9]
    return {
        "lists": lists,
        "rows": rows,
        "oneHot": one_hot.transform(rows).tolist(),
        "hashed": hashes,
        "murmur": [[word, murmurhash3_32(word.encode(), seed=0)] for word in words],
    }


def byte_pairs():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    plain_ids = [tokenizer.encode(text).ids for text in TEXTS]
    file = tokenizer.to_str()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    prefixed = [tokenizer.encode(text).ids for text in TEXTS]
    return {"texts": TEXTS, "ids": plain_ids, "prefixed": prefixed, "file": json.loads(file)}


def main():
    values, missing = tables()
    imputer = SimpleImputer(strategy="mean").fit(missing)
    json.dump(
        {
            "made by": f"scikit-learn {sklearn.__version__}, tokenizers {tokenizers.__version__}",
            "values": values.tolist(),
            "missing": plain(missing),
            "whole": partial_fits(values, [1, 9, 50]),
            "gaps": partial_fits(missing, [20, 20, 20]),
            "imputed": imputer.transform(missing).tolist(),
            "categories": categories(),
            "bytePairs": byte_pairs(),
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
