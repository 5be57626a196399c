import { readFile } from "node:fs/promises";
import path from "node:path";
import { inputShapeOf, sizeOf } from "@everfresh/core";
import { importModel, type Model } from "@everfresh/engine";
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

/**
 * Reads the model and the key, and opens the sources of a definition.
 * @param signingKeyFile takes the place of the configured one
 * @throws ModelSourceMismatchError when model, preprocessing, target and sources do not fit together
 * @throws ConfigError when the model file cannot be read
 * @throws KeyFileError when the key cannot be read
 * @throws LearnOptionError when something about drift is not as it must be
 */
export async function resolveModel(
  loaded: LoadedConfig,
  seed: number,
  signingKeyFile?: string,
): Promise<ResolvedModel> {
  const { definition: defined, directory } = loaded;
  const drift = resolveDrift(defined.drift, defined.strategy);
  const definition = { ...defined, strategy: withResponse(defined.strategy, drift) };
  const keyFile = signingKeyFile ?? configuredKey(loaded);
  const signingKey = keyFile === undefined ? null : await readSigningKey(keyFile);
  const model = await modelOf(loaded, seed);
  const source = await definition.source({ directory });
  const heldOut = definition.heldOut === undefined ? null : await definition.heldOut({ directory });
  checkSource(definition, source);
  if (heldOut !== null) checkSource(definition, heldOut);
  return { definition, model, source, heldOut, drift, signingKey };
}

/** The file of the key that a configuration signs with, if it names one. */
export function configuredKey({ definition, directory }: LoadedConfig): string | undefined {
  const { signingKey } = definition.deploy;
  return signingKey === undefined ? undefined : path.resolve(directory, signingKey);
}

/**
 * Reads the model of a definition, without its sources.
 * @throws ModelSourceMismatchError, ConfigError as {@link resolveModel}
 */
export async function modelOf(
  { definition, directory }: LoadedConfig,
  seed: number,
): Promise<Model> {
  const model = await readModel(definition, directory, seed);
  checkModel(definition, model);
  return model;
}

async function readModel(
  { model }: ModelDefinition,
  directory: string,
  seed: number,
): Promise<Model> {
  if (typeof model === "function") return model({ seed });
  if (typeof model !== "string") return model;
  const file = path.resolve(directory, model);
  try {
    return importModel(await readFile(file));
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

function checkSource({ input, target }: ModelDefinition, source: Source): void {
  const expected = sizeOf(inputShapeOf(input));
  const { shape } = source.schema.features;
  if (sizeOf(shape) !== expected) {
    throw new ModelSourceMismatchError(
      `Source ${source.name} gives samples of shape [${shape.join(", ")}], the model takes [${inputShapeOf(input).join(", ")}]`,
      { source: source.name, shape, expected: inputShapeOf(input) },
    );
  }
  if (source.schema.target.count > target.count) {
    throw new ModelSourceMismatchError(
      `Source ${source.name} has ${source.schema.target.count} classes, the model ${target.count}`,
      { source: source.name, classes: source.schema.target.count },
    );
  }
}
