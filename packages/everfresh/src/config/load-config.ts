import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { EverfreshError, pipelineOf, preprocessorOf, ShapeError } from "@everfresh/core";
import { checkStrategySpec, type DriftActionSpec } from "@everfresh/learn";
import { ConfigError } from "../errors.ts";
import type { ModelDefinition } from "./define-model.ts";
import { resolveDrift, withResponse } from "./drift.ts";

const CONFIG_NAMES = ["everfresh.config.ts", "everfresh.config.js", "everfresh.config.mjs"];

/** A definition with the folder that its paths are relative to. */
export interface LoadedConfig {
  readonly definition: ModelDefinition;
  readonly directory: string;
}

const NO_ORIGIN = "an origin is like https://example.org, without a path";

/** What may be done about drift. */
const ACTIONS = [
  "nothing",
  "warn",
  "newData",
  "window",
  "rewarm",
  "retrain",
  "rollBack",
] as const satisfies readonly DriftActionSpec["kind"][];

const deploymentOptions = {
  buffersEvery: z.int().positive(),
  signingKey: z.string().optional(),
};

const definitionSchema = z.looseObject({
  name: z.string(),
  model: z.union([z.string(), z.function(), z.looseObject({ graph: z.looseObject({}) })]),
  weights: z.enum(["trained", "fresh"]).optional(),
  input: z.looseObject({ kind: z.enum(["image", "numeric", "pipeline"]) }),
  features: z
    .strictObject({
      cacheBytesMax: z.int().nonnegative().optional(),
      tolerance: z.number().nonnegative().optional(),
    })
    .optional(),
  target: z.looseObject({ kind: z.literal("classes") }),
  source: z.function(),
  heldOut: z.function().optional(),
  strategy: z.looseObject({
    kind: z.enum(["frozen", "online", "proactive", "fullRetraining"]),
  }),
  labels: z
    .strictObject({
      kind: z.literal("late"),
      lagSamples: z.int().nonnegative(),
      expireAfterMs: z.number().positive().optional(),
      pendingMax: z.int().positive().optional(),
    })
    .optional(),
  evaluation: z.strictObject({ frozen: z.boolean().optional() }).optional(),
  // Numbers are checked where they are used; here only that nothing is misspelt at the first level.
  drift: z
    .strictObject({
      signals: z.array(z.looseObject({ name: z.string(), input: z.string() })).optional(),
      vote: z.string().optional(),
      weights: z.record(z.string(), z.number()).optional(),
      falseAlarmEvery: z.number().optional(),
      falseWarningEvery: z.number().optional(),
      changeEvery: z.number().optional(),
      withinSamples: z.number().optional(),
      microsPerSample: z.number().optional(),
      historyRecords: z.number().optional(),
      heldLabels: z.number().optional(),
      embedding: z.strictObject({ layer: z.string().optional() }).optional(),
      reconstruction: z
        .strictObject({
          referenceSamples: z.number().optional(),
          delaySamples: z.number().optional(),
          steps: z.number().optional(),
          batchSize: z.number().optional(),
          hidden: z.array(z.number()).optional(),
          code: z.number().optional(),
          learningRate: z.number().optional(),
          seed: z.number().optional(),
        })
        .optional(),
      members: z.number().optional(),
      onWarning: z.looseObject({ kind: z.enum(ACTIONS) }).optional(),
      onDrift: z.looseObject({ kind: z.enum(ACTIONS) }).optional(),
      actsUnconfirmed: z.boolean().optional(),
      webhook: z.strictObject({ url: z.string(), secret: z.string() }).optional(),
    })
    .optional(),
  optimizer: z.looseObject({ kind: z.string() }),
  deploy: z.discriminatedUnion("kind", [
    z.looseObject({
      kind: z.literal("sparse"),
      sparsifier: z.looseObject({ kind: z.string() }),
      ...deploymentOptions,
    }),
    z.looseObject({
      kind: z.literal("sparseGradients"),
      gradients: z.looseObject({ kind: z.string() }),
      ...deploymentOptions,
    }),
  ]),
  retention: z
    .strictObject({
      versions: z.int().positive().optional(),
      days: z.number().positive().optional(),
      bytes: z.number().positive().optional(),
    })
    .optional(),
  anchors: z
    .strictObject({
      everyVersions: z.int().positive().optional(),
      outweighedBy: z.number().positive().optional(),
    })
    .optional(),
  feed: z
    .looseObject({
      kind: z.literal("nats"),
      servers: z.union([z.string(), z.array(z.string()).min(1)]),
    })
    .optional(),
  origins: z.union([z.literal("*"), z.array(z.string().refine(isOrigin, NO_ORIGIN))]).optional(),
});

/** The configuration file of a folder, if there is one. */
export function findConfig(directory: string): string | undefined {
  return CONFIG_NAMES.map((name) => path.join(directory, name)).find((file) => existsSync(file));
}

/**
 * Loads a configuration file, TypeScript or JavaScript; its default export is a model definition.
 * @throws ConfigError when the file is missing, fails to load or exports something else
 * @throws LearnOptionError when a number of the strategy, or about drift, is out of its range
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const absolute = path.resolve(file);
  if (!existsSync(absolute)) {
    throw new ConfigError(`Configuration ${absolute} does not exist; give its path with --config`);
  }
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(absolute).href)) as { readonly default?: unknown })
      .default;
  } catch (cause) {
    if (cause instanceof EverfreshError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Configuration ${absolute} cannot be loaded: ${oneLine(reason)}`, cause);
  }
  const checked = definitionSchema.safeParse(exported);
  if (!checked.success) {
    const [problem] = checked.error.issues;
    const where = problem?.path.join(".") ?? "";
    throw new ConfigError(
      `Configuration ${absolute} must export defineModel({ ... }) as default: ${where === "" ? "" : `"${where}": `}${problem?.message ?? "not a definition"}`,
    );
  }
  // The schema has looked at every field that decides; the functions among them stay as they are.
  const definition = exported as ModelDefinition;
  checkInput(definition, absolute);
  checkStrategySpec(definition.strategy);
  checkStrategySpec(
    withResponse(definition.strategy, resolveDrift(definition.drift, definition.strategy)),
  );
  return { definition, directory: path.dirname(absolute) };
}

/** What a pipeline says, and whether its steps fit one another. */
function checkInput({ input }: ModelDefinition, file: string): void {
  if (input.kind !== "pipeline") return;
  try {
    preprocessorOf(pipelineOf(input));
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new ConfigError(`Configuration ${file}: "input": ${cause.message}`, cause);
  }
}

function oneLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

function isOrigin(text: string): boolean {
  return URL.parse(text)?.origin === text;
}
