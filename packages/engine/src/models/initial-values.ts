/** The values that weights start with: distributions as data, and the usual formulas for them. */
import { Random, type Shape, sizeOf, streamOf } from "@everfresh/core";

/** How the elements of a new tensor are distributed. */
export type InitialValues =
  | { readonly kind: "constant"; readonly value: number }
  /** Evenly in ±bound. */
  | { readonly kind: "uniform"; readonly bound: number }
  /** Normal around 0. */
  | { readonly kind: "normal"; readonly deviation: number };

/** Chooses the initial values of a weight from its shape, [outputs, inputs, ...window]. */
export type Initialiser = (shape: Shape) => InitialValues;

/** All elements equal. */
export function constant(value: number): InitialValues {
  return { kind: "constant", value };
}

/** Evenly in ±bound. */
export function uniform(bound: number): InitialValues {
  return { kind: "uniform", bound };
}

/** Normal around 0. */
export function normal(deviation: number): InitialValues {
  return { kind: "normal", deviation };
}

/** How many inputs each output of a weight sums over. */
export function fanIn(shape: Shape): number {
  return sizeOf(shape.slice(1));
}

/** PyTorch's default for linear and convolutional layers: Kaiming uniform with a = √5, ±1/√fanIn. */
export const torchDefault: Initialiser = (shape) => uniform(1 / Math.sqrt(fanIn(shape)));

/**
 * Normal with variance 2 / fanIn, which keeps the size of activations behind ReLU.
 *
 * He et al., Delving Deep into Rectifiers, ICCV 2015.
 */
export const kaimingNormal: Initialiser = (shape) => normal(Math.sqrt(2 / fanIn(shape)));

/** Normal with variance 2 / fanOut, which keeps the size of gradients instead. */
export const kaimingNormalOut: Initialiser = ([outputs = 1, , ...window]) =>
  normal(Math.sqrt(2 / (outputs * sizeOf(window))));

/**
 * Uniform with variance 2 / (inputs + outputs).
 *
 * Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks,
 * AISTATS 2010.
 */
export const xavierUniform: Initialiser = ([outputs = 1, inputs = 1]) =>
  uniform(Math.sqrt(6 / (inputs + outputs)));

/** Fills the tensor `name` of a seed: each tensor has its own stream of random numbers. */
export function fillInitial(
  data: Float32Array,
  values: InitialValues,
  { name, seed }: { readonly name: string; readonly seed: number },
): void {
  const random = new Random(seed, streamOf(name));
  switch (values.kind) {
    case "constant":
      data.fill(values.value);
      return;
    case "uniform":
      for (let i = 0; i < data.length; i++) data[i] = random.uniform(-values.bound, values.bound);
      return;
    case "normal":
      fillNormal(data, values.deviation, random);
  }
}

/** Box and Muller, both numbers of each pair: half the random bits of one at a time. */
function fillNormal(data: Float32Array, deviation: number, random: Random): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random.float()));
    const angle = 2 * Math.PI * random.float();
    data[i] = radius * Math.cos(angle);
    // Beyond the end of a tensor of odd length this writes nothing.
    data[i + 1] = radius * Math.sin(angle);
  }
}
