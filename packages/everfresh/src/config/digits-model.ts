import { classes, image } from "@everfresh/core";
import { adam, lenet5 } from "@everfresh/engine";
import { defineModel, type ModelDefinition, type SourceFactory } from "./define-model.ts";
import { digits, mnist } from "./source-factories.ts";
import { sparse } from "./sparse.ts";
import { proactive } from "./strategies.ts";

const HELD_OUT_DIGITS = 10_000; // as many as MNIST's test set has
const FALSE_ALARM_EVERY = 1_000_000; // digits do not change: 40 minutes of them at 400 a second

/** What {@link digitsModel} can vary. */
export interface DigitsModelOptions {
  /** A folder with the four IDX files; the generated digits otherwise. */
  readonly data?: string;
  /** Seed of the generated digits. */
  readonly seed: number;
}

/** The model of the demo: LeNet-5 on handwritten digits, real or generated. */
export function digitsModel({ data, seed }: DigitsModelOptions): ModelDefinition {
  return defineModel({
    name: "digits",
    model: lenet5,
    input: image({ width: 28, height: 28, channels: 1, mean: [0.1307], std: [0.3081] }),
    target: classes(10),
    source: data === undefined ? digits({ seed }) : mnist(data, "train"),
    heldOut: heldOutDigits({ seed, ...(data === undefined ? {} : { data }) }),
    strategy: proactive({ triggerSize: 8, batchSize: 128 }),
    drift: { falseAlarmEvery: FALSE_ALARM_EVERY },
    optimizer: adam({ learningRate: 1e-3 }),
    deploy: sparse({ ratio: 0.01, values: "f16" }),
  });
}

/** Digits that the demo never trains on. */
export function heldOutDigits({ data, seed }: DigitsModelOptions): SourceFactory {
  return data === undefined
    ? digits({ seed, split: "test", size: HELD_OUT_DIGITS })
    : mnist(data, "test");
}
