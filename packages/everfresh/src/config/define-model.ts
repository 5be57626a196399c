import type { ClassTarget, Preprocessing } from "@everfresh/core";
import type { Model, OptimizerSpec } from "@everfresh/engine";
import type { FeatureCacheSpec, StrategySpec } from "@everfresh/learn";
import type { Source } from "@everfresh/streams";
import type { AnchorPolicy, Retention } from "@everfresh/sync/node";
import type { Deployment } from "./deployment.ts";
import type { DriftConfig } from "./drift.ts";
import type { LateLabelsConfig } from "./late-labels.ts";
import type { NatsPublication } from "./nats.ts";

/** Where a configuration stands, and where the run keeps what it has to. */
export interface ConfigContext {
  /** Absolute path of the folder that holds the configuration file: relative paths start here. */
  readonly directory: string;
  /** Path of the SQLite file in the state directory: what samples wait in if nothing else is said. */
  readonly databaseFile: string;
}

/** Opens a source when the program needs it, so that a configuration can be read without its data. */
export type SourceFactory = (context: ConfigContext) => Promise<Source>;

/** How a run is evaluated while it trains. */
export interface EvaluationOptions {
  /**
   * Whether the state that the run started with is tested beside the trained and the deployed one: it
   * costs a prediction more for each sample. @default true
   */
  readonly frozen?: boolean;
}

/** Everything that Everfresh needs to know to keep one model fresh. */
export interface ModelDefinition {
  /** Name in URLs: letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Path of an ONNX file, or a model from a builder such as `lenet5()`. */
  readonly model: string | Model | ((options: { readonly seed: number }) => Model);
  /**
   * Whether its weights are good already. From trained weights, proactive and online training let a
   * constant learning rate rise over the first 300 steps; full ones would first make the model worse.
   * @default "trained" where `model` is the path of a file, otherwise "fresh"
   */
  readonly weights?: "trained" | "fresh";
  /** How a sample becomes the model's input. What a pipeline learns travels with the weights. */
  readonly input: Preprocessing;
  /** How the features of past samples are kept in memory. @default 256 MiB, tolerance 0.01 */
  readonly features?: FeatureCacheSpec;
  /** What the model predicts. */
  readonly target: ClassTarget;
  /** Where samples come from. */
  readonly source: SourceFactory;
  /** Samples that are never trained on, for the held-out accuracy. */
  readonly heldOut?: SourceFactory;
  /** When it is trained, and on which samples. */
  readonly strategy: StrategySpec;
  /** Labels that come later than their samples. @default they come along */
  readonly labels?: LateLabelsConfig;
  readonly evaluation?: EvaluationOptions;
  /**
   * How the stream is watched for drift, what is done about it, and who is told; `{}` for all the
   * defaults. @default nobody watches
   */
  readonly drift?: DriftConfig;
  readonly optimizer: OptimizerSpec;
  readonly deploy: Deployment;
  /** Which past versions are kept. @default all */
  readonly retention?: Retention;
  /** When the log stores full states. @default see {@link AnchorPolicy} */
  readonly anchors?: AnchorPolicy;
  /**
   * Web pages of which other origins may follow the model, such as "https://example.org". Programs
   * that are no browsers are not asked where they come from. @default "*": those of any origin
   */
  readonly origins?: "*" | readonly string[];
  /** Where the model is published beside WebSocket and HTTP. @default nowhere */
  readonly feed?: NatsPublication;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Checks and returns a model definition; a configuration file exports its result as default.
 * @throws TypeError when the name cannot stand in a URL
 */
export function defineModel(definition: ModelDefinition): ModelDefinition {
  if (!NAME.test(definition.name)) {
    throw new TypeError(
      `Model name "${definition.name}" must be 1 to 64 letters, digits, "-", "_" or "."`,
    );
  }
  return definition;
}
