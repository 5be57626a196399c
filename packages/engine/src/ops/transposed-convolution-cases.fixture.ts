/** Random uses of transposed convolution. */
import fc from "fast-check";
import type { Attributes } from "../graph/graph.ts";
import { type CaseSource, flags, int, ints, seeds, smooth, text } from "./case-source.fixture.ts";

const pairs = (min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min, max }), { minLength: 2, maxLength: 2 });

/** Uses of ConvTranspose of all paddings; windows always reach as far as the result. */
export const CONV_TRANSPOSE_CASES: CaseSource = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    image: pairs(1, 4),
    kernel: pairs(1, 4),
    strides: pairs(1, 3),
    dilations: fc.oneof({ weight: 3, arbitrary: fc.constant([1, 1]) }, pairs(1, 2)),
    pads: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    extra: pairs(0, 2),
    mode: fc.constantFrom("NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", "shape"),
    groups: fc.constantFrom(1, 1, 2, 3),
    channels: fc.constantFrom(1, 2, 3),
    filters: fc.constantFrom(1, 2, 5),
    bias: flags,
    seed: seeds,
  })
  .map((use) => {
    const { n, image, strides, dilations, groups, channels, filters, bias, seed } = use;
    const same = use.mode.startsWith("SAME");
    // Windows as large as the stride, so that they leave no gaps at the ends.
    const kernel = use.kernel.map((k, i) => (same ? Math.max(k, strides[i] ?? 1) : k));
    const extent = kernel.map((k, i) => (dilations[i] ?? 1) * (k - 1) + 1);
    const extra = use.extra.map((count, i) =>
      use.mode === "NOTSET" ? Math.min(count, (strides[i] ?? 1) - 1) : 0,
    );
    const full = image.map((size, i) => (size - 1) * (strides[i] ?? 1) + (extent[i] ?? 1));
    // Something must remain.
    const most = full.map((size) => Math.floor((size - 1) / 2));
    const pads = use.pads.map((count, i) => Math.min(count, most[i % 2] ?? 0));
    const padding: Attributes =
      use.mode === "NOTSET"
        ? { pads: ints(pads), output_padding: ints(extra) }
        : use.mode === "shape"
          ? { output_shape: ints(full.map((size, i) => Math.max(1, size - (pads[i] ?? 0)))) }
          : { auto_pad: text(use.mode) };
    return {
      attributes: {
        kernel_shape: ints(kernel),
        strides: ints(strides),
        dilations: ints(dilations),
        group: int(groups),
        ...padding,
      },
      inputs: [
        smooth(seed, [n, channels * groups, ...image]),
        smooth(seed + 1, [channels * groups, filters, ...kernel]),
        ...(bias ? [smooth(seed + 2, [filters * groups])] : []),
      ],
    };
  });
