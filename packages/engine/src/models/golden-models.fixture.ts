/**
 * Small versions of all builders, with what bench/peers/golden_models.py computed for them in
 * PyTorch. The script runs {@link writeGoldenInputs} first, so that both sides start from the same
 * numbers.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cloneState, dataOf, type ModelState, Random, sizeOf, tensor } from "@everfresh/core";
import type { GoldenBatch } from "../autodiff/golden.fixture.ts";
import { adam } from "../optimizers/adam.ts";
import { sgd } from "../optimizers/sgd.ts";
import type { TrainingBatch } from "../sessions/training-session.ts";
import { densenet } from "./densenet.ts";
import { dlrmSmall } from "./dlrm-small.ts";
import { exportModel } from "./export-model.ts";
import { lenet5 } from "./lenet5.ts";
import { lstmClassifier } from "./lstm-classifier.ts";
import { mobilenet } from "./mobilenet-v2.ts";
import type { Model } from "./model.ts";
import { resnet } from "./resnet.ts";
import { cifarResnet } from "./resnet20.ts";
import { transformerEncoder } from "./transformer-encoder.ts";

/** A model of which PyTorch's gradients are known. */
export interface GoldenCase {
  /** The names of builder and options in bench/peers/torch_models.py. */
  readonly builder: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly model: Model;
  readonly batchSize: number;
}

/** One parameter's gradient in PyTorch's float64. */
export interface GoldenGradient {
  readonly name: string;
  /** What errors are relative to: the largest element, or the model's where all should be 0. */
  readonly scale: number;
  readonly norm: number;
  /** Σ gradient[i] · cos(0.7 · i). */
  readonly wave: number;
  readonly at: readonly number[];
  readonly values: readonly number[];
  /** The largest error of PyTorch's own float32 among its memory formats, relative to the scale. */
  readonly error32: number;
}

/** Loss (a sum over samples) and gradients of a case. */
export interface GoldenResult {
  readonly loss: number;
  readonly gradients: readonly GoldenGradient[];
}

/** Mean losses at each step of training with {@link GOLDEN_OPTIMIZERS}, on the batches in turn. */
export interface GoldenTraining {
  /** In float64. */
  readonly exact: readonly number[];
  /** In float32, in each of PyTorch's memory formats. */
  readonly single: readonly (readonly number[])[];
}

/** What the script stores for a case: as it is, and with smooth activations. */
export interface GoldenModel {
  readonly torch: string;
  readonly plain: GoldenResult;
  readonly smooth: GoldenResult;
  readonly training: { readonly [N in keyof typeof GOLDEN_OPTIMIZERS]: GoldenTraining };
}

/** The script has the same settings. */
export const GOLDEN_OPTIMIZERS = {
  sgd: sgd({ learningRate: 0.002, momentum: 0.9 }),
  adam: adam({ learningRate: 1e-4 }),
} as const;

/** Training goes through so many batches in turn. */
const BATCHES = 4;

/** Makes a case whose options are the same on both sides. */
function goldenCase<O extends object>(
  builder: string,
  make: (options: O) => Model,
  options: O,
  batchSize: number,
): GoldenCase {
  return {
    builder,
    options: Object.fromEntries(Object.entries(options)),
    model: make(options),
    batchSize,
  };
}

const TEXT = { vocabulary: 40, length: 12, classes: 5, width: 16 };

/** The cases by the name of their file. */
export const GOLDEN_CASES: Readonly<Record<string, () => GoldenCase>> = {
  lenet5: () => goldenCase("lenet5", lenet5, { seed: 3 }, 4),
  "resnet-basic": () =>
    goldenCase("resnet", resnet, { block: "basic", blocks: [1, 1, 1, 1], width: 8, seed: 1 }, 6),
  "resnet-bottleneck": () =>
    goldenCase(
      "resnet",
      resnet,
      { block: "bottleneck", blocks: [2, 1, 1, 1], width: 8, seed: 1 },
      6,
    ),
  "cifar-resnet": () => goldenCase("cifarResnet", cifarResnet, { blocks: 1, width: 8, seed: 1 }, 4),
  densenet: () =>
    goldenCase("densenet", densenet, { growth: 8, blocks: [2, 2, 2, 2], stem: 16, seed: 1 }, 6),
  mobilenet: () => goldenCase("mobilenet", mobilenet, { width: 0.25, dropout: 0, seed: 1 }, 8),
  "transformer-post-norm": () =>
    goldenCase("transformerEncoder", transformerEncoder, { ...TEXT, dropout: 0, seed: 1 }, 5),
  "transformer-pre-norm": () =>
    goldenCase(
      "transformerEncoder",
      transformerEncoder,
      {
        ...TEXT,
        dropout: 0,
        normFirst: true,
        activation: "gelu",
        positions: "sinusoidal",
        feedForward: 24,
        seed: 1,
      },
      5,
    ),
  lstm: () =>
    goldenCase("lstmClassifier", lstmClassifier, { ...TEXT, hidden: 10, layers: 2, seed: 1 }, 5),
  dlrm: () =>
    goldenCase(
      "dlrmSmall",
      dlrmSmall,
      { dense: 4, categories: [7, 150, 20], width: 8, outputs: 3, seed: 1 },
      6,
    ),
};

/** Weights of a case: the initial ones, but no bias 0 and no scale 1. */
export function goldenModelState({ state }: Model): ModelState {
  const moved = cloneState(state);
  const random = new Random(7);
  for (const entry of state.layout.tensors) {
    if (entry.role !== "parameter" || entry.shape.length !== 1) continue;
    const data = dataOf(moved, entry);
    for (let i = 0; i < data.length; i++) data[i] = Number(data[i]) + random.uniform(-0.3, 0.3);
  }
  return moved;
}

/** The first batch of a case with its targets in ONNX's form. */
export function goldenModelBatch(golden: GoldenCase): GoldenBatch {
  const { inputs, targets, size } = trainingBatch(golden, 0);
  return {
    inputs: tensor("float32", [size, ...golden.model.input.shape], inputs),
    targets: tensor("int64", [size], BigInt64Array.from(targets, BigInt)),
    weights: tensor("float32", [size], new Float32Array(size).fill(1)),
  };
}

/** The batch of a step: normal numbers, or ids where the model takes them. */
export function trainingBatch(
  { model, options, batchSize }: GoldenCase,
  step: number,
): TrainingBatch & { readonly targets: Int32Array } {
  const random = new Random(11, step % BATCHES);
  const sample = sizeOf(model.input.shape);
  const limits = idLimits(options, sample);
  const classes = model.output.shape[0] ?? 1;
  return {
    inputs: Float32Array.from({ length: batchSize * sample }, (_, i) => {
      const limit = limits[i % sample];
      return limit === undefined ? random.normal() : random.below(limit);
    }),
    targets: Int32Array.from({ length: batchSize }, () => random.below(classes)),
    size: batchSize,
  };
}

/** For each input of a sample how many ids it has; undefined where it is a plain number. */
function idLimits(
  { vocabulary, dense, categories }: GoldenCase["options"],
  length: number,
): readonly (number | undefined)[] {
  if (typeof vocabulary === "number") return Array.from({ length }, () => vocabulary);
  if (typeof dense !== "number" || !Array.isArray(categories)) return [];
  return [...Array.from({ length: dense }, () => undefined), ...categories.map(Number)];
}

/** The model with differentiable activations: Softplus for Relu, Sigmoid for Clip. */
export function smoothed(model: Model): Model {
  const nodes = model.graph.nodes.map((node) => {
    if (node.operator === "Relu") return { ...node, operator: "Softplus" as const };
    if (node.operator !== "Clip") return node;
    return { ...node, operator: "Sigmoid" as const, inputs: node.inputs.slice(0, 1) };
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

/** The largest deviation of a gradient from PyTorch's float64, relative to its scale. */
export function gradientError(gradient: readonly number[], expected: GoldenGradient): number {
  const { scale } = expected;
  const wave = gradient.reduce((total, g, i) => total + g * Math.cos(0.7 * i), 0);
  const entries = expected.at.map((at, i) => (gradient[at] ?? NaN) - (expected.values[i] ?? NaN));
  return Math.max(
    Math.abs(Math.hypot(...gradient) - expected.norm) / scale / Math.sqrt(gradient.length),
    Math.abs(wave - expected.wave) / scale / Math.sqrt(gradient.length),
    ...entries.map((entry) => Math.abs(entry) / scale),
  );
}

/** Reads what PyTorch computed. */
export function readGoldenModel(name: string): GoldenModel {
  const url = new URL(`./fixtures/${name}.golden.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as GoldenModel;
}

/**
 * Writes weights and batches of all cases for the script, which calls this.
 * @public
 */
export function writeGoldenInputs(directory: string): void {
  for (const [name, make] of Object.entries(GOLDEN_CASES)) {
    const golden = make();
    const { builder, options, model, batchSize } = golden;
    const batches = Array.from({ length: BATCHES }, (_, step) => trainingBatch(golden, step));
    const content = {
      builder,
      options,
      shape: [batchSize, ...model.input.shape],
      batches: batches.map(({ inputs, targets }) => ({
        inputs: Array.from(inputs),
        targets: Array.from(targets),
      })),
    };
    writeFileSync(`${directory}/${name}.onnx`, exportModel(model, goldenModelState(model)));
    writeFileSync(`${directory}/${name}.json`, JSON.stringify(content));
  }
}
