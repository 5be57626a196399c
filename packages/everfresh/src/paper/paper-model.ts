import { readFileSync } from "node:fs";
import { inputShapeOf } from "@everfresh/core";
import {
  densenet161,
  importModel,
  lenet5,
  mobilenetV2,
  type Model,
  replaceHead,
  resnet18,
  resnet20,
  resnet50,
} from "@everfresh/engine";
import { ConfigError, ModelSourceMismatchError, UsageError } from "../errors.ts";
import type { Experiment, ExperimentName } from "./experiment.ts";

const CLASSES = 10;

type Builder = (options: { readonly seed: number }) => Model;

/** The models that an experiment can train, in the form that its images need. */
const MODELS: { readonly [N in ExperimentName]: Readonly<Record<string, Builder>> } = {
  mnist: { lenet5 },
  cifar: {
    lenet5: ({ seed }) => lenet5({ seed, inputSize: 32, channels: 3 }),
    resnet20,
    mobilenetV2,
    resnet18,
    resnet50,
    densenet161,
  },
};

/**
 * The name of a model as the matrix has it, whatever way it is written: "LeNet-5" is "lenet5".
 * @throws UsageError for one that the experiment has not
 */
export function modelName({ name: experiment }: Experiment, written: string): string {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const wanted = plain(written) === "lenet" ? "lenet5" : plain(written);
  const names = Object.keys(MODELS[experiment]);
  const found = names.find((name) => plain(name) === wanted);
  if (found !== undefined) return found;
  throw new UsageError(
    `Experiment ${experiment} has no model "${written}"; it has ${names.join(", ")}`,
    { model: written },
  );
}

/** What a model begins with. */
export interface ModelChoice {
  /** As {@link modelName} gives it. */
  readonly name: string;
  /** An ONNX file that its graph and weights come from; null for fresh weights. */
  readonly file: string | null;
}

/**
 * The model before the initial training. The last layer of a file for other classes is replaced.
 * @throws ConfigError when the file cannot be read
 * @throws ModelSourceMismatchError when it takes other images
 * @throws the errors of importModel() and replaceHead() for what is wrong inside of it
 */
export function openModel(
  experiment: Experiment,
  { name, file }: ModelChoice,
  seed: number,
): Model {
  const build = MODELS[experiment.name][name];
  if (build === undefined) throw new UsageError(`There is no model "${name}"`);
  return file === null ? build({ seed }) : readModel(experiment, file, seed);
}

function readModel(experiment: Experiment, file: string, seed: number): Model {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Cannot read the model of --init: ${reason}`, cause);
  }
  const model = importModel(bytes);
  const wanted = inputShapeOf(experiment.preprocessing);
  const given = model.input.shape;
  if (wanted.join() !== given.join()) {
    throw new ModelSourceMismatchError(
      `The model of --init takes images of ${given.join(" × ")}, experiment ${experiment.name} ` +
        `has ${wanted.join(" × ")}; export it for those`,
      { file, given, wanted },
    );
  }
  const isReady = model.output.shape.join() === String(CLASSES);
  return isReady ? model : replaceHead(model, { outputs: CLASSES, seed });
}
