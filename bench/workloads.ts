import { Random, type Shape, sizeOf } from "@everfresh/core";
import {
  adam,
  densenet161,
  dlrmSmall,
  lenet5,
  lstmClassifier,
  mlp,
  mobilenetV2,
  type Model,
  type OptimizerSpec,
  resnet18,
  resnet20,
  resnet50,
  sgd,
  type TrainingBatch,
  transformerEncoder,
} from "@everfresh/engine";

/** A model to measure. */
export interface Workload {
  readonly model: () => Model;
  /** The same model in `bench/peers/torch_models.py`. */
  readonly torch: { readonly builder: string; readonly options: object };
  /** Shape of the input's samples. */
  readonly sampleShape: Shape;
  readonly classes: number;
  /** Samples per step unless the command says otherwise. */
  readonly batch: number;
  /** Rounds and timed steps of each: fewer for what takes long. */
  readonly rounds: number;
  readonly steps: number;
  /** Enough steps for compilers, caches and clocks to settle. */
  readonly warmUpSteps: number;
  /** Whether statistics of the batch normalise, so that there are two ways to compute them. */
  readonly hasBatchNorm?: boolean;
  /** For each number of a sample how many ids it has; null where it is an ordinary number. */
  readonly idLimits?: readonly (number | null)[];
}

// By how long a step takes: a tenth of a second at most, up to half a second, seconds.
const QUICK = { rounds: 9, steps: 60, warmUpSteps: 40 };
const MIDDLING = { rounds: 7, steps: 12, warmUpSteps: 6 };
const HEAVY = { rounds: 5, steps: 3, warmUpSteps: 2 };

const IMAGE_BATCH = 128;
const MLP = { inputs: 784, hidden: [256, 128], outputs: 10 };
const TEXT = { vocabulary: 1000, length: 64, classes: 10, width: 128 };
const TRANSFORMER = { ...TEXT, heads: 4, layers: 2, dropout: 0, normFirst: true };
const LSTM = { ...TEXT, hidden: 128 };
const DLRM = { dense: 13, categories: Array.from({ length: 8 }, () => 1000), outputs: 2 };

/** The models that can be measured. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  lenet5: workload(
    lenet5,
    "lenet5",
    {},
    {
      ...QUICK,
      batch: 64,
      sampleShape: [1, 28, 28],
    },
  ),
  mlp: workload(mlp, "mlp", MLP, { ...QUICK, batch: 64, sampleShape: [MLP.inputs] }),
  resnet20: image(resnet20, "resnet20", MIDDLING),
  resnet18: image(resnet18, "resnet18", HEAVY),
  resnet50: image(resnet50, "resnet50", HEAVY),
  densenet161: image(densenet161, "densenet161", HEAVY),
  mobilenetV2: image(mobilenetV2, "mobilenetV2", MIDDLING),
  transformer: workload(transformerEncoder, "transformerEncoder", TRANSFORMER, {
    ...MIDDLING,
    batch: 32,
    sampleShape: [TEXT.length],
    idLimits: ids(TEXT),
  }),
  lstm: workload(lstmClassifier, "lstmClassifier", LSTM, {
    ...MIDDLING,
    batch: 32,
    sampleShape: [TEXT.length],
    idLimits: ids(TEXT),
  }),
  dlrm: workload(dlrmSmall, "dlrmSmall", DLRM, {
    ...QUICK,
    batch: 128,
    classes: 2,
    sampleShape: [DLRM.dense + DLRM.categories.length],
    idLimits: [...Array.from({ length: DLRM.dense }, () => null), ...DLRM.categories],
  }),
};

/** Which optimizer both sides use. */
export type OptimizerName = "sgd" | "adam";

/** Settings as in `bench/peers/torch_train.py`; small, so that random labels do not blow up. */
export const OPTIMIZERS: { readonly [N in OptimizerName]: OptimizerSpec } = {
  sgd: sgd({ learningRate: 1e-3, momentum: 0.9 }),
  adam: adam({ learningRate: 1e-4 }),
};

/** The workload called `name`, or an error that says which there are. */
export function workloadOf(name: string): Workload {
  const found = Object.hasOwn(WORKLOADS, name) ? WORKLOADS[name] : undefined;
  if (found === undefined) {
    throw new Error(`No model "${name}"; there is ${Object.keys(WORKLOADS).join(", ")}`);
  }
  return found;
}

/** Normal inputs, or ids, with random labels; always the same for the same seed. */
export function randomBatch(workload: Workload, size: number, seed = 1): TrainingBatch {
  const { classes, sampleShape, idLimits = [] } = workload;
  const random = new Random(seed);
  const sample = sizeOf(sampleShape);
  return {
    inputs: Float32Array.from({ length: size * sample }, (_, i) => {
      const limit = idLimits[i % sample] ?? null;
      return limit === null ? random.normal() : random.below(limit);
    }),
    targets: Int32Array.from({ length: size }, () => random.below(classes)),
    size,
  };
}

function workload<O extends object>(
  build: (options: O & { readonly seed: number }) => Model,
  builder: string,
  options: O,
  rest: Omit<Workload, "model" | "torch" | "classes"> & { readonly classes?: number },
): Workload {
  const model = (): Model => build({ ...options, seed: 1 });
  return { classes: 10, ...rest, model, torch: { builder, options } };
}

function image(
  build: (options: { readonly seed: number }) => Model,
  builder: string,
  pace: Pick<Workload, "rounds" | "steps" | "warmUpSteps">,
): Workload {
  return workload(
    build,
    builder,
    {},
    {
      ...pace,
      batch: IMAGE_BATCH,
      sampleShape: [3, 32, 32],
      hasBatchNorm: true,
    },
  );
}

function ids({ vocabulary, length }: typeof TEXT): readonly number[] {
  return Array.from({ length }, () => vocabulary);
}
