"""Peer check of exported files, run by hand (numpy, onnx and safetensors of Python):

    python bench/peers/golden_export.py write
        writes packages/engine/src/models/fixtures/peer.golden.safetensors, which the tests read
    python bench/peers/golden_export.py check MODEL.onnx MODEL.safetensors
        both formats of one export: well-formed by the rules of ONNX and safetensors, the same weights
        and metadata in both, and finite outputs from ONNX's own reference implementation
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors import safe_open
from safetensors.numpy import save_file

GOLDEN = (
    pathlib.Path(__file__).parents[2]
    / "packages/engine/src/models/fixtures/peer.golden.safetensors"
)
BATCH = 3


def write():
    """All element types that are read, with an odd number of bytes and a tensor without elements."""
    tensors = {
        "conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4 - 1,
        "specials": np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], dtype=np.float32),
        "steps": np.array([2**53 + 1, -1], dtype=np.int64),
        "classes": np.array([[-7], [7]], dtype=np.int32),
        "pixels": np.array([0, 128, 255], dtype=np.uint8),
        "mask": np.array([True, False]),
        "empty": np.zeros((0, 4), dtype=np.float32),
        "größe": np.array(0.5, dtype=np.float32),
    }
    save_file(tensors, GOLDEN, metadata={"name": "golden", "note": 'a "quoted" line\n'})


def check(model_file, weights_file):
    model = onnx.load(model_file)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    with safe_open(weights_file, "numpy") as file:
        assert file.metadata() == metadata, (file.metadata(), metadata)
        assert set(file.keys()) == set(weights), (sorted(file.keys()), sorted(weights))
        for name, expected in weights.items():
            actual = file.get_tensor(name)
            assert actual.dtype == expected.dtype and actual.shape == expected.shape, name
            assert actual.tobytes() == expected.tobytes(), name
    (entry,) = model.graph.input
    dims = [d.dim_value for d in entry.type.tensor_type.shape.dim[1:]]
    x = np.random.default_rng(1).standard_normal((BATCH, *dims)).astype(np.float32)
    (y,) = ReferenceEvaluator(model).run(None, {entry.name: x})
    assert y.shape[0] == BATCH and np.isfinite(y).all(), y
    print(f"{model_file}: {len(weights)} tensors, output {y.shape}, metadata {metadata}")


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    elif len(sys.argv) == 4 and sys.argv[1] == "check":
        check(*sys.argv[2:])
    else:
        sys.exit(__doc__)
