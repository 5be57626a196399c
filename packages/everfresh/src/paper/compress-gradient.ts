import type { Random, StateLayout } from "@everfresh/core";
import { type GradientSelection, gradientStepsOf } from "@everfresh/learn";
import type { Compression, SelectedShare } from "./row-spec.ts";

/**
 * Takes a gradient in, which is overwritten, and writes the part of it and of the memory that goes on
 * into `part`, which has zeros; returns the indices of its entries, ascending.
 */
export type CompressGradient = (
  gradient: Float32Array,
  part: Float32Array,
  random: Random,
) => Uint32Array;

/** The compression of a row, with nothing remembered yet. */
export function compressorOf(compression: Compression, layout: StateLayout): CompressGradient {
  if (compression.selector === "qsgd") return quantiser(layout, 2 ** compression.bits - 1);
  const { ratio } = compression;
  const steps = gradientStepsOf(
    { kind: "sparseSgd", choose: CHOICES[compression.selector], ratio, learningRate: 1 },
    layout,
  );
  let step = 0;
  return (gradient, part, random) => {
    const { indices, gradients } = steps.move(gradient, step++, random);
    indices.forEach((index, i) => (part[index] = gradients[i] ?? 0));
    return indices;
  };
}

const CHOICES: { readonly [S in SelectedShare["selector"]]: GradientSelection["choose"] } = {
  topK: "perTensor",
  randomK: "randomPerTensor",
};

/**
 * QSGD (Alistarh et al., 2017) of each tensor of g = gradient + m, with s levels:
 *
 *   grid = ‖g‖₂ / s,  part_i = sign(g_i) · grid · (⌊|g_i| / grid⌋, or 1 more by chance),  m ← g − part
 */
function quantiser({ tensors, parameterCount }: StateLayout, s: number): CompressGradient {
  const memory = new Float32Array(parameterCount);
  const parameters = tensors.filter(({ role }) => role === "parameter");
  return (gradient, part, random) => {
    const indices: number[] = [];
    for (const { wordOffset, length } of parameters) {
      let squares = 0;
      for (let i = wordOffset; i < wordOffset + length; i++) {
        const value = (gradient[i] ?? 0) + (memory[i] ?? 0);
        memory[i] = value;
        squares += value * value;
      }
      const grid = Math.sqrt(squares) / s;
      if (grid === 0) continue;
      for (let i = wordOffset; i < wordOffset + length; i++) {
        const value = memory[i] ?? 0;
        const level = Math.floor(Math.abs(value) / grid + random.uint32() / 2 ** 32);
        if (level === 0) continue;
        const sent = Math.fround(Math.sign(value) * grid * level);
        part[i] = sent;
        memory[i] = value - sent;
        indices.push(i);
      }
    }
    return Uint32Array.from(indices);
  };
}
