import { Random, sizeOf } from "@everfresh/core";
import {
  adam,
  lenet5,
  mlp,
  type Model,
  type OptimizerSpec,
  sgd,
  type TrainingBatch,
} from "@everfresh/engine";

/** A model to time; `bench/peers/torch_train.py` has the same under the same name. */
export interface Workload {
  readonly model: () => Model;
  readonly classes: number;
}

/** The models that can be timed. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  lenet5: { model: () => lenet5({ seed: 1 }), classes: 10 },
  mlp: {
    model: () => mlp({ inputs: 784, hidden: [256, 128], outputs: 10, seed: 1 }),
    classes: 10,
  },
};

/** Which optimizer both sides use. */
export type OptimizerName = "sgd" | "adam";

/** Settings as in `bench/peers/torch_train.py`; small, so that random labels do not blow up. */
export const OPTIMIZERS: { readonly [N in OptimizerName]: OptimizerSpec } = {
  sgd: sgd({ learningRate: 1e-3, momentum: 0.9 }),
  adam: adam({ learningRate: 1e-4 }),
};

/** Normal inputs with random labels; always the same. */
export function randomBatch(workload: Workload, size: number): TrainingBatch {
  const random = new Random(1);
  const length = size * sizeOf(workload.model().input.shape);
  return {
    inputs: Float32Array.from({ length }, () => random.normal()),
    targets: Int32Array.from({ length: size }, () => random.below(workload.classes)),
    size,
  };
}
