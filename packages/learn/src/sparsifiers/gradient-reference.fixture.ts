/** Training by sparse gradients as its papers define it, on plain arrays and by sorting. */
import { learningRateAt } from "@everfresh/engine";
import { type ModelState, Random, type StateTensor, streamOf } from "@everfresh/core";
import type { GradientSpec } from "./gradient-spec.ts";
import { randomSubset } from "./random-subset.ts";

export class GradientReference {
  readonly parameters: Float32Array;
  readonly #spec: GradientSpec;
  readonly #tensors: readonly StateTensor[];
  readonly #memory: Float32Array;
  readonly #velocity: Float32Array;
  readonly #random = new Random(0, streamOf("sparse gradients"));
  #step = 0;

  constructor(state: ModelState, spec: GradientSpec) {
    this.parameters = state.parameters.slice();
    this.#spec = spec;
    this.#tensors = state.layout.tensors;
    this.#memory = new Float32Array(this.parameters.length);
    this.#velocity = new Float32Array(this.parameters.length);
  }

  /** Takes a step; returns the parameters that it moves, ascending. */
  step(gradient: Float32Array): readonly number[] {
    const spec = this.#spec;
    const compression = spec.kind === "deepGradientCompression" ? spec : null;
    const clip = compression?.clipNorm ? clipOf(gradient, compression.clipNorm) : 1;
    gradient.forEach((each, i) => {
      const g = Math.fround(clip * each);
      const u = (compression?.momentum ?? 0) * (this.#velocity[i] ?? 0) + g;
      this.#velocity[i] = u;
      this.#memory[i] = (this.#memory[i] ?? 0) + (compression === null ? g : Math.fround(u));
    });
    const { ratios = [], stepsPerRatio = 1 } = compression?.warmUp ?? {};
    const learningRate = learningRateAt(spec.learningRate, this.#step);
    const chosen = this.#choose(ratios[Math.floor(this.#step++ / stepsPerRatio)] ?? spec.ratio);
    const whole = compression === null ? [] : this.#tensors.filter(({ shape }) => shape.length < 2);
    const sent = [...chosen, ...whole.flatMap(indicesOf)].sort((a, b) => a - b);
    for (const i of chosen) this.#velocity[i] = 0;
    for (const i of sent) {
      this.parameters[i] = (this.parameters[i] ?? 0) - learningRate * (this.#memory[i] ?? 0);
      this.#memory[i] = 0;
    }
    return sent;
  }

  #choose(ratio: number): readonly number[] {
    const { choose, kind } = this.#spec;
    const tensors = this.#tensors.filter(({ shape }) => kind === "sparseSgd" || shape.length > 1);
    const candidates = tensors.flatMap(indicesOf);
    if (choose === "global") {
      return this.#largest(candidates, Math.max(1, Math.round(ratio * candidates.length)));
    }
    return tensors.flatMap((tensor) => {
      const k = Math.max(1, Math.floor(ratio * tensor.length + 1e-9));
      if (choose === "perTensor") return this.#largest(indicesOf(tensor), k);
      return [...randomSubset(this.#random, k, tensor.length)].map((at) => tensor.wordOffset + at);
    });
  }

  /** Ties go to the lower index, zeros are never among them. */
  #largest(candidates: readonly number[], k: number): readonly number[] {
    const size = (i: number): number => Math.abs(this.#memory[i] ?? 0);
    return candidates
      .filter((i) => size(i) !== 0)
      .sort((a, b) => size(b) - size(a) || a - b)
      .slice(0, k);
  }
}

function clipOf(gradient: Float32Array, clipNorm: number): number {
  const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
  return Math.min(1, clipNorm / (norm + 1e-6));
}

function indicesOf({ wordOffset, length }: StateTensor): readonly number[] {
  return Array.from({ length }, (_, i) => wordOffset + i);
}
