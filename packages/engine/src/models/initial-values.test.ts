import { dataOf, sizeOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { densenet } from "./densenet.ts";
import { dlrmSmall } from "./dlrm-small.ts";
import { lenet5 } from "./lenet5.ts";
import { lstmClassifier } from "./lstm-classifier.ts";
import { mobilenet } from "./mobilenet-v2.ts";
import type { Model } from "./model.ts";
import { resnet } from "./resnet.ts";
import { cifarResnet } from "./resnet20.ts";
import { transformerEncoder } from "./transformer-encoder.ts";

/** Deviation of a tensor's initial values, and whether they are bounded as a uniform one's are. */
interface Distribution {
  readonly mean?: number;
  readonly deviation: number;
  readonly uniform?: boolean;
}

type Formula = (shape: readonly number[]) => Distribution;

const inputsOf = (shape: readonly number[]): number => sizeOf(shape.slice(1));
const outputsOf = ([outputs = 1, , ...window]: readonly number[]): number =>
  outputs * sizeOf(window);

const zeros: Formula = () => ({ deviation: 0 });
const ones: Formula = () => ({ mean: 1, deviation: 0 });
const kaimingIn: Formula = (shape) => ({ deviation: Math.sqrt(2 / inputsOf(shape)) });
const kaimingOut: Formula = (shape) => ({ deviation: Math.sqrt(2 / outputsOf(shape)) });
const within = (bound: number): Distribution => ({
  deviation: bound / Math.sqrt(3),
  uniform: true,
});
const linearWeight: Formula = (shape) => within(1 / Math.sqrt(inputsOf(shape)));
const deviationOf =
  (deviation: number): Formula =>
  () => ({ deviation });

const BATCH_NORM: readonly (readonly [RegExp, Formula])[] = [
  [/running_mean$/, zeros],
  [/running_var$/, ones],
  [/(bn\d|norm\d?|(downsample|shortcut)\.1|features\.0\.1)\.weight$/, ones],
  [/(bn\d|norm\d?|(downsample|shortcut)\.1|features\.0\.1)\.bias$/, zeros],
];

// The first pattern that fits a name tells the formula, as torchvision and PyTorch have it.
const MODELS: Readonly<
  Record<
    string,
    { readonly model: Model; readonly formulas: readonly (readonly [RegExp, Formula])[] }
  >
> = {
  lenet5: {
    model: lenet5({ seed: 1 }),
    formulas: [
      [/conv1/, () => within(1 / 5)],
      [/conv2/, () => within(1 / Math.sqrt(150))],
      [/fc1/, () => within(1 / Math.sqrt(400))],
      [/fc2/, () => within(1 / Math.sqrt(120))],
      [/fc3/, () => within(1 / Math.sqrt(84))],
    ],
  },
  resnet: {
    model: resnet({ block: "bottleneck", blocks: [1, 2], width: 16, seed: 1 }),
    formulas: [
      ...BATCH_NORM,
      [/fc\.weight/, linearWeight],
      [/fc\.bias/, () => within(1 / Math.sqrt(128))],
      [/./, kaimingOut],
    ],
  },
  resnet20: {
    model: cifarResnet({ blocks: 2, seed: 1 }),
    formulas: [...BATCH_NORM, [/linear\.bias/, () => within(1 / Math.sqrt(64))], [/./, kaimingIn]],
  },
  densenet: {
    model: densenet({ growth: 12, blocks: [2, 2], stem: 24, seed: 1 }),
    formulas: [
      ...BATCH_NORM,
      [/classifier\.weight/, linearWeight],
      [/classifier\.bias/, zeros],
      [/./, kaimingIn],
    ],
  },
  mobilenet: {
    model: mobilenet({ width: 0.25, seed: 1 }),
    formulas: [
      [/running_mean$/, zeros],
      [/running_var$/, ones],
      [/classifier\.1\.weight/, deviationOf(0.01)],
      [/bias$/, zeros],
      [/conv\.\d\.0\.weight|features\.(0|18)\.0\.weight/, kaimingOut],
      [
        /features\.1\.conv\.1\.weight|conv\.2\.weight/,
        (s) => (s.length > 1 ? kaimingOut(s) : ones(s)),
      ],
      [/./, ones],
    ],
  },
  transformer: {
    model: transformerEncoder({ vocabulary: 50, length: 20, width: 32, normFirst: true, seed: 1 }),
    formulas: [
      [/norm\d?\.weight/, ones],
      [/norm\d?\.bias|in_proj_bias|out_proj\.bias/, zeros],
      [/in_proj_weight/, () => within(Math.sqrt(6 / (32 + 96)))],
      [/embedding/, deviationOf(1)],
      [/positions/, deviationOf(0.02)],
      [/linear1\.bias|head\.bias/, () => within(1 / Math.sqrt(32))],
      [/linear2\.bias/, () => within(1 / Math.sqrt(128))],
      [/./, linearWeight],
    ],
  },
  lstm: {
    model: lstmClassifier({ vocabulary: 30, length: 5, width: 8, hidden: 16, layers: 2, seed: 1 }),
    formulas: [
      [/embedding/, deviationOf(1)],
      [/./, () => within(1 / 4)],
    ],
  },
  dlrm: {
    model: dlrmSmall({ dense: 4, categories: [50, 100], bottom: [32], seed: 1 }),
    formulas: [
      [/emb_l/, ([rows = 1]) => within(1 / Math.sqrt(rows))],
      [/weight/, ([m = 1, n = 1]) => ({ deviation: Math.sqrt(2 / (m + n)) })],
      [/bias/, ([m = 1]) => ({ deviation: Math.sqrt(1 / m) })],
    ],
  },
};

/** Chance deviates from the expectation by more than this many deviations once in 15 million. */
const DEVIATIONS_MAX = 5.3;

/** Whether all elements of a tensor are as likely as their formula says. */
function fits(values: readonly number[], { mean = 0, deviation, uniform }: Distribution): boolean {
  const average = values.reduce((total, value) => total + value, 0) / values.length;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length;
  const chance = DEVIATIONS_MAX / Math.sqrt(values.length);
  // The square of a normal number has a deviation of √2 σ², that of a uniform one less.
  return (
    Math.abs(average - mean) <= chance * deviation &&
    Math.abs(squares - deviation ** 2) <= chance * Math.SQRT2 * deviation ** 2 &&
    (uniform !== true || Math.max(...values.map(Math.abs)) <= Math.fround(deviation * Math.sqrt(3)))
  );
}

describe("the initial values", () => {
  it.each(Object.entries(MODELS))("of %s are distributed as in PyTorch", (_, model) => {
    const { state } = model.model;
    const odd = state.layout.tensors.filter((entry) => {
      const formula = model.formulas.find(([pattern]) => pattern.test(entry.name));
      const expected = formula?.[1](entry.shape);
      return expected === undefined || !fits(Array.from(dataOf(state, entry), Number), expected);
    });
    expect(odd.map(({ name }) => name)).toEqual([]);
  });
});

describe("a seed", () => {
  it("gives every tensor its own numbers, always the same", () => {
    const at = (seed: number): Float32Array =>
      resnet({ block: "basic", blocks: [1], width: 4, seed }).state.parameters;
    expect(at(1)).toEqual(at(1));
    expect(at(1)).not.toEqual(at(2));
  });
});
