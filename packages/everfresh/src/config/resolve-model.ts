import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  type FeatureStatistics,
  inputShapeOf,
  type Pipeline,
  pipelineOf,
  preprocessorOf,
  type RawFeatures,
  type SampleSchema,
  ShapeError,
  sizeOf,
} from "@everfresh/core";
import { importModel, importPreprocessing, type Model, withStatistics } from "@everfresh/engine";
import type { Source } from "@everfresh/streams";
import type { SigningKey } from "@everfresh/sync";
import { ConfigError, ModelSourceMismatchError } from "../errors.ts";
import type { ModelDefinition } from "./define-model.ts";
import { type ResolvedDrift, resolveDrift, withResponse } from "./drift.ts";
import { readSigningKey } from "../signing/key-files.ts";
import type { LoadedConfig } from "./load-config.ts";

/** A definition with its model read and its sources open, all checked against each other. */
export interface ResolvedModel {
  readonly definition: ModelDefinition;
  readonly model: Model;
  readonly source: Source;
  readonly heldOut: Source | null;
  /** How drift is watched; null where it is not. */
  readonly drift: ResolvedDrift | null;
  /** Signs everything that is published; null where nothing is signed. */
  readonly signingKey: SigningKey | null;
}

/** Options of {@link resolveModel}. */
export interface ResolveOptions {
  /** Of the state directory. */
  readonly databaseFile: string;
  /** Takes the place of the configured key. */
  readonly signingKeyFile?: string | undefined;
}

/**
 * Reads the model and the key, and opens the sources of a definition.
 * @throws ModelSourceMismatchError when model, preprocessing, target and sources do not fit together
 * @throws ConfigError when the model file cannot be read
 * @throws KeyFileError when the key cannot be read
 * @throws LearnOptionError when something about drift is not as it must be
 */
export async function resolveModel(
  loaded: LoadedConfig,
  seed: number,
  { databaseFile, signingKeyFile }: ResolveOptions,
): Promise<ResolvedModel> {
  const { definition: defined, directory } = loaded;
  const drift = resolveDrift(defined.drift, defined.strategy);
  const definition = { ...defined, strategy: withResponse(defined.strategy, drift) };
  const keyFile = signingKeyFile ?? configuredKey(loaded);
  const signingKey = keyFile === undefined ? null : await readSigningKey(keyFile);
  const model = await modelOf(loaded, seed);
  const context = { directory, databaseFile };
  const source = await definition.source(context);
  const heldOut = definition.heldOut === undefined ? null : await definition.heldOut(context);
  checkSource(definition, source);
  if (heldOut !== null) checkSource(definition, heldOut);
  checkLabels(definition, { source, heldOut });
  return { definition, model, source, heldOut, drift, signingKey };
}

/** The file of the key that a configuration signs with, if it names one. */
export function configuredKey({ definition, directory }: LoadedConfig): string | undefined {
  const { signingKey } = definition.deploy;
  return signingKey === undefined ? undefined : path.resolve(directory, signingKey);
}

/**
 * Reads the model of a definition, without its sources. Its state has the statistics of its
 * preprocessing: of no samples, or those that the model's file has for the very same preprocessing.
 * @throws ModelSourceMismatchError, ConfigError as {@link resolveModel}
 */
export async function modelOf(
  { definition, directory }: LoadedConfig,
  seed: number,
): Promise<Model> {
  const { model, statistics } = await readModel(definition, directory, seed);
  checkInput(definition);
  checkModel(definition, model);
  return withStatistics(model, preprocessorOf(definition.input), statistics);
}

function checkInput({ input }: ModelDefinition): void {
  try {
    preprocessorOf(input);
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    const message = `The configured input cannot be: ${cause.message}; change \`input\``;
    throw new ModelSourceMismatchError(message, cause.details);
  }
}

/** A model, and what its file knows of samples. */
interface ReadModel {
  readonly model: Model;
  readonly statistics?: FeatureStatistics;
}

/** The statistics in a model file, where it has them for the very same preprocessing. */
function statisticsFor(
  input: ModelDefinition["input"],
  bytes: Uint8Array,
): Pick<ReadModel, "statistics"> {
  if (input.kind !== "pipeline") return {};
  const filed = importPreprocessing(bytes);
  const isSame = JSON.stringify(filed?.preprocessor.spec) === JSON.stringify(pipelineOf(input));
  return filed !== null && isSame ? { statistics: filed.statistics } : {};
}

async function readModel(
  { model, input }: ModelDefinition,
  directory: string,
  seed: number,
): Promise<ReadModel> {
  if (typeof model === "function") return { model: model({ seed }) };
  if (typeof model !== "string") return { model };
  const file = path.resolve(directory, model);
  try {
    const bytes = await readFile(file);
    return { model: importModel(bytes), ...statisticsFor(input, bytes) };
  } catch (cause) {
    if (cause instanceof Error && "errno" in cause) {
      throw new ConfigError(`Model file ${file} cannot be read: ${cause.message}`, cause);
    }
    throw cause;
  }
}

function checkModel({ input, target }: ModelDefinition, model: Model): void {
  const expected = inputShapeOf(input);
  const actual = model.input.shape;
  if (expected.join() !== actual.join()) {
    throw new ModelSourceMismatchError(
      `Model input "${model.input.name}" takes [${actual.join(", ")}] per sample, the configured input gives [${expected.join(", ")}]; change \`input\` or the model`,
      { expected, actual },
    );
  }
  const outputs = sizeOf(model.output.shape);
  if (outputs !== target.count) {
    throw new ModelSourceMismatchError(
      `Model output "${model.output.name}" has ${outputs} values per sample, the target has ${target.count} classes; change \`target\` or the model`,
      { outputs, classes: target.count },
    );
  }
}

function checkLabels(
  { labels }: ModelDefinition,
  { source, heldOut }: Pick<ResolvedModel, "source" | "heldOut">,
): void {
  if (labels !== undefined && source.following !== undefined) {
    throw new ConfigError(
      `Labels of source ${source.name} follow by themselves, as late as they are; leave out \`labels\``,
    );
  }
  if (heldOut?.following !== undefined) {
    throw new ConfigError(
      `Held-out data needs its labels, those of source ${heldOut.name} follow; set labelsFollow: false there`,
    );
  }
}

function checkSource({ input, target }: ModelDefinition, source: Source): void {
  const { features } = source.schema;
  if (input.kind === "pipeline") checkRaw(input, source.name, features);
  else if (sizeOf(features.shape) !== sizeOf(inputShapeOf(input))) {
    const expected = inputShapeOf(input);
    throw new ModelSourceMismatchError(
      `Source ${source.name} gives samples of shape [${features.shape.join(", ")}], the model takes [${expected.join(", ")}]`,
      { source: source.name, shape: features.shape, expected },
    );
  }
  if (source.schema.target.count > target.count) {
    throw new ModelSourceMismatchError(
      `Source ${source.name} has ${source.schema.target.count} classes, the model ${target.count}`,
      { source: source.name, classes: source.schema.target.count },
    );
  }
  const [own, given] = [source.schema.target.labels, target.labels];
  if (!isNamed(own) || !isNamed(given) || own.every((name, i) => name === given[i])) return;
  throw new ModelSourceMismatchError(
    `Source ${source.name} has the classes ${own.join(", ")}, the target ${given.join(", ")}; write them in one order`,
    { source: source.name, classes: own, target: given },
  );
}

/** Whether classes have names of their own, not only numbers. */
function isNamed(labels: readonly string[]): boolean {
  return labels.some((label, i) => label !== `${i}`);
}

/** What raw features of each kind are stored as. */
const RAW_DTYPES: { readonly [K in RawFeatures["kind"]]: SampleSchema["features"]["dtype"] } = {
  numbers: "float32",
  series: "float32",
  row: "uint8",
  image: "uint8",
};

/** Rows of a table are bytes of its columns, so their number tells whether these are the same. */
function checkRaw(input: Pipeline, source: string, features: SampleSchema["features"]): void {
  const { kind } = input.raw;
  const expected = { dtype: RAW_DTYPES[kind], size: preprocessorOf(input).rawSize };
  const { dtype, shape } = features;
  if (dtype === expected.dtype && sizeOf(shape) === expected.size) return;
  const way =
    kind === "row" || kind === "numbers"
      ? "take `raw` of `input` from the schema of the source: rawFeaturesOf(schema)"
      : "change `raw` of `input` or the source";
  throw new ModelSourceMismatchError(
    `Source ${source} gives samples of ${sizeOf(shape)} ${dtype}, the pipeline takes ${kind} of ${expected.size} ${expected.dtype}; ${way}`,
    { source, dtype, shape, expected },
  );
}
