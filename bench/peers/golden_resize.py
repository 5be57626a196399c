"""Golden numbers of resized images for packages/core/src/preprocessing, run by hand:

    python bench/peers/golden_resize.py > packages/core/src/preprocessing/resize.golden.json

PyTorch's interpolate: bilinear with centres at halves, area, nearest.
"""

import json
import sys

import torch
from torch.nn.functional import interpolate


def main():
    generator = torch.Generator().manual_seed(3)
    cases = []
    for height, width, to_height, to_width in [
        (5, 7, 5, 7),
        (5, 7, 11, 4),
        (8, 8, 4, 2),
        (3, 1, 6, 5),
        (9, 6, 4, 4),
        (28, 28, 32, 32),
    ]:
        image = torch.randint(0, 256, (1, 2, height, width), generator=generator)
        case = {"from": [2, height, width], "to": [to_height, to_width]}
        case["pixels"] = image.flatten().tolist()
        for method in ("bilinear", "area", "nearest"):
            options = {"align_corners": False} if method == "bilinear" else {}
            made = interpolate(image.double(), size=(to_height, to_width), mode=method, **options)
            case[method] = [round(v, 9) for v in made.flatten().tolist()]
        cases.append(case)
    json.dump({"made by": f"PyTorch {torch.__version__}", "cases": cases}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
