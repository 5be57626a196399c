import { tensor, type Tensor } from "@everfresh/core";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import type { BlockedLayout } from "../graph/blocked-layout.ts";
import { writeOnnx } from "../onnx/write.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** The block sizes that ONNX Runtime's kernels have: AVX2 and NEON, and AVX-512. */
const BLOCKS = [16, 8] as const;

/** Sides of the image that is probed with. */
const HEIGHT = 2;
const WIDTH = 3;

/**
 * Channels per block of ONNX Runtime's blocked layout on this machine, or null where its operators are
 * absent (as in WebAssembly) or compute anything but what is expected. The layout is internal to ONNX
 * Runtime, so nothing about it is taken for granted: order in memory, fused activation and sum, and
 * convolutions by sample are all tried.
 */
export async function probeBlockedLayout(runtime: Runtime): Promise<number | null> {
  if (runtime.backend !== "native" || runtime.provider !== "cpu") return null;
  for (const block of BLOCKS) {
    if (await computesAsExpected(runtime, block)) return block;
  }
  return null;
}

async function computesAsExpected(runtime: Runtime, block: number): Promise<boolean> {
  const channels = 2 * block;
  const shape = [2, channels, HEIGHT, WIDTH];
  const length = 2 * channels * HEIGHT * WIDTH;
  const builder = new GraphBuilder(["x", "factor", "offset"], { block, formulations: {} });
  const x: Value = { name: "x", dtype: "float32", shape };
  const factor: Value = { name: "factor", dtype: "float32", shape: [channels] };
  const offset: Value = { name: "offset", dtype: "float32", shape: [channels] };
  const layout = builder.blocked as BlockedLayout;
  const order = layout.of(x);
  const linear = layout.scaleAndShift(x, { factor, offset, sum: x }, { dtype: "float32", shape });
  const rectified = builder.emit("Relu", [linear], { dtype: "float32", shape });
  const built = builder.finish({
    inputs: [x, factor, offset],
    state: [],
    outputs: [
      { name: "order", value: order },
      { name: "rectified", value: rectified },
      { name: "dots", value: layout.dot(x, rectified) },
      { name: "means", value: layout.pixelMeans(x) },
    ],
  });
  const image = Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 50 - 1);
  const factors = Float32Array.from({ length: channels }, (_, c) => (c % 5) - 1.5);
  const offsets = Float32Array.from({ length: channels }, (_, c) => (c % 3) / 4);
  const results = {
    order: new Float32Array(length),
    rectified: new Float32Array(length),
    dots: new Float32Array(2 * channels),
    means: new Float32Array(2 * channels),
  };
  try {
    const bytes = writeOnnx({ ...built, name: "probe", initialisers: built.constants });
    const graph = await runtime.open(bytes, { threads: 1 });
    const floats = (data: Float32Array, size: readonly number[]): Tensor =>
      tensor("float32", size, data);
    await graph.bind(
      new Map([
        ["x", floats(image, shape)],
        ["factor", floats(factors, [channels])],
        ["offset", floats(offsets, [channels])],
      ]),
      new Map([
        ["order", floats(results.order, shape)],
        ["rectified", floats(results.rectified, shape)],
        ["dots", floats(results.dots, [2, channels])],
        ["means", floats(results.means, [2, channels])],
      ]),
    )();
    await graph.release();
  } catch {
    return false;
  }
  const expected = expectedResults(image, factors, offsets, block);
  return (
    agree(results.order, expected.order) &&
    agree(results.rectified, expected.rectified) &&
    agree(results.dots, expected.dots) &&
    agree(results.means, expected.means)
  );
}

function expectedResults(
  image: Float32Array,
  factors: Float32Array,
  offsets: Float32Array,
  block: number,
): Readonly<Record<"dots" | "means" | "order" | "rectified", Float32Array>> {
  const channels = factors.length;
  const pixels = HEIGHT * WIDTH;
  const order = new Float32Array(image.length);
  const rectified = new Float32Array(image.length);
  const dots = new Float32Array(image.length / pixels);
  const means = new Float32Array(image.length / pixels);
  image.forEach((x, i) => {
    const pixel = i % pixels;
    const plane = Math.floor(i / pixels);
    const c = plane % channels;
    const sample = plane - c;
    const y = Math.max(0, (factors[c] ?? 0) * x + (offsets[c] ?? 0) + x);
    const group = sample + c - (c % block);
    order[group * pixels + pixel * block + (c % block)] = x;
    rectified[i] = y;
    dots[plane] = (dots[plane] ?? 0) + x * y;
    means[plane] = (means[plane] ?? 0) + x / pixels;
  });
  return { order, rectified, dots, means };
}

function agree(actual: Float32Array, expected: Float32Array): boolean {
  return actual.every((value, i) => Math.abs(value - (expected[i] ?? NaN)) < 1e-5);
}
