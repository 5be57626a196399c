"""Parquet files for packages/streams/src/sources/parquet.test.ts, run by hand:

    pip install pyarrow
    python bench/peers/golden_parquet.py > packages/streams/src/sources/parquet.golden.json

One table written by PyArrow with each codec, and a second one whose rows are broken here and there.
"""

import base64
import io
import json
import sys
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 300


def written(table, codec, group=64):
    sink = io.BytesIO()
    pq.write_table(table, sink, compression=codec, row_group_size=group)
    return base64.b64encode(sink.getvalue()).decode()


def table():
    rows = range(ROWS)
    times = [datetime.fromtimestamp(1_700_000_000 + i, timezone.utc) for i in rows]
    return pa.table(
        {
            "key": pa.array([f"row-{i}" for i in rows]),
            "at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "age": pa.array([i % 90 for i in rows], pa.int64()),
            "weight": pa.array([None if i % 7 == 3 else i / 8 for i in rows], pa.float64()),
            "job": pa.array([["cook", "smith", "poète"][i % 3] for i in rows]).dictionary_encode(),
            "income": pa.array(["high" if i % 4 == 0 else "low" for i in rows]),
        }
    )


def broken():
    return pa.table(
        {
            "x": pa.array([1.0, float("nan"), None, 4.0, float("inf"), 1e300, 7.0]),
            "class": pa.array(["a", "b", "a", "c", "b", "a", "b"]),
        }
    )


def main():
    codecs = ["none", "snappy", "gzip", "zstd", "brotli"]
    files = {codec: written(table(), codec) for codec in codecs}
    print(
        json.dumps(
            {
                "made by": f"PyArrow {pa.__version__}",
                "rows": ROWS,
                "files": files,
                "broken": written(broken(), "snappy"),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
