import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adam, adamW } from "../optimizers/adam.ts";
import { naturalSquares } from "../optimizers/natural-gradient.ts";
import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import { rmsprop } from "../optimizers/rmsprop.ts";
import { sgd } from "../optimizers/sgd.ts";
import { meanOf, publishGradients } from "../sessions/gradients.ts";
import { allocateVectors } from "./kernel-memory.ts";
import { kernelOptimizer } from "./kernel-optimizer.ts";
import { Kernels } from "./kernels.ts";
import { Publisher } from "./publisher.ts";

const SPECIAL = [0, -0, Infinity, -Infinity, NaN, 1e-45, -1e-39, 2 ** -126, 2 ** 48, 3.4e38];

/** Numbers of all magnitudes with the given share of special ones. */
function fill(values: Float32Array, random: Random, special: number): void {
  for (let i = 0; i < values.length; i++) {
    values[i] =
      random.uniform(0, 1) < special
        ? (SPECIAL[random.below(SPECIAL.length)] ?? 0)
        : random.normal() * 10 ** random.uniform(-30, 12);
  }
}

/** The bits, with one NaN for all: WebAssembly and JavaScript leave its payload open. */
function bitsOf(values: Float32Array): number[] {
  return Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits, i) =>
    Number.isNaN(values[i]) ? 0x7fc0_0000 : bits,
  );
}

/** Vectors of random numbers that kernels take, and equal ones in ordinary memory. */
function twins(
  count: number,
  length: number,
  options: { readonly seed: number; readonly special: number; readonly shared?: boolean },
): { kernels: Kernels; vectors: Float32Array[]; ordinary: Float32Array[] } {
  const { seed, special, shared = true } = options;
  const made = allocateVectors(new Array<number>(count).fill(length), shared);
  if (made === null) throw new Error("no memory for kernels");
  const kernels = Kernels.open(made.memory);
  if (kernels === null) throw new Error("no kernels");
  const random = new Random(seed);
  for (const vector of made.vectors) fill(vector, random, special);
  return { kernels, vectors: [...made.vectors], ordinary: made.vectors.map((v) => v.slice()) };
}

const cases = fc.record({
  length: fc.integer({ min: 0, max: 70 }),
  seed: fc.nat(),
  special: fc.constantFrom(0, 0.02, 0.5),
  shared: fc.boolean(),
});

describe("kernels", () => {
  it("flush as publishing gradients does", () => {
    fc.assert(
      fc.property(cases, ({ length, ...options }) => {
        const { kernels, vectors, ordinary } = twins(1, length, options);
        const [values = new Float32Array()] = vectors;
        const [source = new Float32Array()] = ordinary;
        const published = new Float32Array(length);
        const size = publishGradients(source, published);
        expect(kernels.flush(values)).toBe(size === "small");
        expect(bitsOf(values)).toEqual(bitsOf(published));
      }),
    );
  });

  it("publish from one memory to another as publishing gradients does", () => {
    fc.assert(
      fc.property(cases, ({ length, shared, ...options }) => {
        const { vectors, ordinary } = twins(1, length, { ...options, shared: false });
        const own = allocateVectors([length], false);
        const others = allocateVectors([5, length, 5], shared);
        if (own === null || others === null) throw new Error("no memory for kernels");
        const [source = new Float32Array()] = own.vectors;
        source.set(vectors[0] ?? []);
        const publisher = Publisher.open(own.memory, others.memory);
        if (publisher === null) throw new Error("no functions over two memories");
        const [before, target = new Float32Array(), behind] = others.vectors;
        const published = new Float32Array(length);
        const size = publishGradients(ordinary[0] ?? published, published);
        expect(publisher.publish(source, target)).toBe(size === "small");
        expect(bitsOf(target)).toEqual(bitsOf(published));
        expect(bitsOf(source)).toEqual(bitsOf(ordinary[0] ?? published));
        expect([...(before ?? []), ...(behind ?? [])]).toEqual(new Array<number>(10).fill(0));
      }),
    );
  });

  it("see every single number that is too large", () => {
    const { kernels, vectors } = twins(1, 23, { seed: 1, special: 0 });
    const [values = new Float32Array()] = vectors;
    for (const large of [2 ** 48, -(2 ** 48), Infinity, -Infinity, NaN]) {
      for (let i = 0; i < values.length; i++) {
        values.fill(1e14);
        expect(kernels.flush(values)).toBe(true);
        values[i] = large;
        expect(kernels.flush(values)).toBe(false);
      }
    }
  });

  it("scale and add as taking means does, also in place", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0.01, max: 300 }), ({ length, ...options }, weight) => {
        const { kernels, vectors, ordinary } = twins(2, length, options);
        const [a = new Float32Array(), b = new Float32Array()] = vectors;
        const mean = new Float32Array(length);
        meanOf(ordinary, weight, mean);
        kernels.addScaled(a, b, 1 / weight, b);
        expect(bitsOf(b)).toEqual(bitsOf(mean));
        meanOf(ordinary.slice(0, 1), weight, mean);
        kernels.scale(a, 1 / weight, a);
        expect(bitsOf(a)).toEqual(bitsOf(mean));
      }),
    );
  });

  it.each<[string, OptimizerSpec]>([
    ["SGD", sgd({ learningRate: 0.1 })],
    ["SGD with weight decay", sgd({ learningRate: 0.1, weightDecay: 0.01 })],
    ["momentum", sgd({ learningRate: 0.1, momentum: 0.9 })],
    ["momentum with weight decay", sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 })],
    ["Nesterov", sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true })],
    [
      "Nesterov with weight decay",
      sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.3 }),
    ],
    ["Adam", adam()],
    ["Adam with weight decay", adam({ weightDecay: 0.01 })],
    ["AMSGrad", adam({ amsgrad: true, beta2: 0.5 })],
    ["AMSGrad with weight decay", adam({ amsgrad: true, weightDecay: 0.01, beta1: 0.2 })],
    ["AdamW", adamW()],
    ["RMSprop, which has none", rmsprop({ learningRate: 0.01 })],
  ])("step as %s does, bit for bit", (_name, spec) => {
    const reference = optimizerOf(spec);
    const count = 2 + reference.slots.length;
    fc.assert(
      fc.property(cases, ({ length, ...options }) => {
        const { kernels, vectors, ordinary } = twins(count, length, options);
        const stepWith = (
          optimizer: typeof reference,
          [
            gradients = new Float32Array(),
            parameters = new Float32Array(),
            ...slots
          ]: Float32Array[],
        ): number => {
          const state = { step: 3, slots };
          for (let i = 0; i < 3; i++) optimizer.update(state, gradients, parameters);
          return state.step;
        };
        const steps = stepWith(reference, ordinary);
        expect(stepWith(kernelOptimizer(spec, kernels), vectors)).toBe(steps);
        expect(vectors.map(bitsOf)).toEqual(ordinary.map(bitsOf));
      }),
      { numRuns: 40 },
    );
  });

  it("measure gradients as naturalSquares does, of nothing but the vector itself", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0, max: 1, noNaN: true }), (options, damping) => {
        const { length, seed, shared } = options;
        const { kernels, vectors, ordinary } = twins(2, length + 3, { seed, shared, special: 0 });
        const [gradients, second] = vectors.map((vector) => vector.subarray(0, length));
        const [plainGradients, plainSecond] = ordinary.map((vector) => vector.subarray(0, length));
        if (!gradients || !second || !plainGradients || !plainSecond) throw new Error("no vectors");
        const numbers = { scale: 1.5, damping: damping + 1e-16 };
        const expected = naturalSquares(plainGradients, plainSecond, numbers);
        expect(kernels.naturalSquares(gradients, second, numbers)).toBe(expected);
      }),
    );
  });

  it("write nothing beyond the last line of a vector", () => {
    const { kernels, vectors } = twins(3, 21, { seed: 2, special: 0 });
    const [gradients, parameters, velocity] = vectors;
    if (gradients === undefined || parameters === undefined) throw new Error("no vectors");
    const around = new Float32Array(parameters.buffer).slice();
    kernels.sgd(
      { decay: false, momentum: true, nesterov: false },
      { gradients: gradients.subarray(0, 16), parameters: parameters.subarray(0, 16), velocity },
      { learningRate: 1, momentum: 0.5, weightDecay: 0 },
    );
    const now = new Float32Array(parameters.buffer);
    const from = parameters.byteOffset / 4;
    const changed = Array.from(now.keys()).filter((i) => now[i] !== around[i]);
    const inParameters = changed.filter((i) => i < from + 32 && i >= from);
    expect(Math.max(...inParameters)).toBeLessThan(from + 16);
    expect(Math.min(...changed)).toBeGreaterThanOrEqual(from);
  });

  it("are not there for more memory than there can be", () => {
    expect(allocateVectors([2 ** 30, 1], true)).toBeNull();
  });
});
