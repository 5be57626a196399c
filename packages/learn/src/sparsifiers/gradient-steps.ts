import { type Random, type StateLayout, type StateTensor } from "@everfresh/core";
import { clipFactor, scaleGradients, sumOfSquares } from "@everfresh/engine";
import { selectionOf } from "./gradient-selection.ts";
import type { DeepGradientCompressionSpec, GradientSpec, SparseSgdSpec } from "./gradient-spec.ts";
import { concatenated, parameterTensors } from "./per-tensor.ts";

/** How far few parameters move. */
export interface SparseMove {
  /** Ascending. */
  readonly indices: Uint32Array;
  /** What is taken away from each, before the learning rate. */
  readonly gradients: Float32Array;
}

/** From gradients to sparse moves, with a memory for the rest. */
export interface GradientSteps {
  /** All that is remembered; moved in place. */
  readonly vectors: readonly Float32Array[];
  /** Takes in a gradient, which is overwritten. */
  move(gradient: Float32Array, step: number, random: Random): SparseMove;
}

/** The steps of a specification, with nothing remembered yet. */
export function gradientStepsOf(spec: GradientSpec, layout: StateLayout): GradientSteps {
  const make = STEPS[spec.kind] as (spec: GradientSpec, layout: StateLayout) => GradientSteps;
  return make(spec, layout);
}

const STEPS: {
  readonly [K in GradientSpec["kind"]]: (
    spec: Extract<GradientSpec, { kind: K }>,
    layout: StateLayout,
  ) => GradientSteps;
} = {
  sparseSgd: (spec, layout) => sparseSgdSteps(spec, layout),
  deepGradientCompression: (spec, layout) => compressionSteps(spec, layout),
};

/**
 *   g ← gradient + m,  g_s ← the chosen entries of g,  m ← g − g_s
 */
function sparseSgdSteps({ choose, ratio }: SparseSgdSpec, layout: StateLayout): GradientSteps {
  const memory = new Float32Array(layout.parameterCount);
  const select = selectionOf(choose, layout);
  return {
    vectors: [memory],
    move: (gradient, _step, random) => {
      for (let i = 0; i < memory.length; i++) memory[i] = (memory[i] ?? 0) + (gradient[i] ?? 0);
      return taken(memory, select(memory, ratio, random));
    },
  };
}

/**
 *   g ← min(1, clipNorm / ‖gradient‖) · gradient
 *   u ← momentum · u + g,  v ← v + u
 *   v_s ← the chosen entries of v;  v and u become 0 there
 *
 * In tensors of fewer than two dimensions v_s is u, all of it, and u stays.
 */
function compressionSteps(spec: DeepGradientCompressionSpec, layout: StateLayout): GradientSteps {
  const { choose, momentum, clipNorm } = spec;
  const velocity = new Float32Array(layout.parameterCount);
  const sum = new Float32Array(layout.parameterCount);
  const tensors = parameterTensors(layout);
  const whole = tensors.filter(({ shape }) => shape.length < 2);
  const sparse = tensors.filter(({ shape }) => shape.length >= 2);
  const select = sparse.length === 0 ? null : selectionOf(choose, layout, sparse);
  return {
    vectors: [velocity, sum],
    move: (gradient, step, random) => {
      if (clipNorm !== null) {
        scaleGradients(gradient, clipFactor(clipNorm, Math.sqrt(sumOfSquares(gradient))));
      }
      for (let i = 0; i < velocity.length; i++) {
        velocity[i] = momentum * (velocity[i] ?? 0) + (gradient[i] ?? 0);
        sum[i] = (sum[i] ?? 0) + (velocity[i] ?? 0);
      }
      const chosen = select?.(sum, ratioAt(spec, step), random) ?? new Uint32Array(0);
      // Momentum factor masking: what has been sent must not go on pushing.
      for (const index of chosen) velocity[index] = 0;
      return taken(sum, concatenated([chosen, ...whole.map(allOf)]).sort());
    },
  };
}

/** The ratio of a step, counted from 0. */
export function ratioAt({ ratio, warmUp }: DeepGradientCompressionSpec, step: number): number {
  return warmUp.ratios[Math.floor(step / warmUp.stepsPerRatio)] ?? ratio;
}

function allOf({ wordOffset, length }: StateTensor): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => wordOffset + i);
}

/** Moves the entries at `indices` out of a memory. */
function taken(memory: Float32Array, indices: Uint32Array): SparseMove {
  const gradients = new Float32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    gradients[i] = memory[index] ?? 0;
    memory[index] = 0;
  }
  return { indices, gradients };
}
