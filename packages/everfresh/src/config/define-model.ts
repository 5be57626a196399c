import type { ClassTarget, Preprocessing } from "@everfresh/core";
import type { Model, OptimizerSpec } from "@everfresh/engine";
import type { Source } from "@everfresh/streams";
import type { AnchorPolicy, Retention } from "@everfresh/sync/node";
import type { Deployment } from "./deployment.ts";
import type { NatsPublication } from "./nats.ts";

/** Where a configuration stands: relative paths in it start here. */
export interface ConfigContext {
  /** Absolute path of the folder that holds the configuration file. */
  readonly directory: string;
}

/** Opens a source when the program needs it, so that a configuration can be read without its data. */
export type SourceFactory = (context: ConfigContext) => Promise<Source>;

/** Proactive training: each step takes `triggerSize` new samples and the rest from history. */
export interface ProactiveStrategy {
  readonly kind: "proactive";
  /** New samples per training step (`t`), 1 to `batchSize`. */
  readonly triggerSize: number;
  /** Samples per batch (`b`). */
  readonly batchSize: number;
}

/** Everything that Everfresh needs to know to keep one model fresh. */
export interface ModelDefinition {
  /** Name in URLs: letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Path of an ONNX file, or a model from a builder such as `lenet5()`. */
  readonly model: string | Model | ((options: { readonly seed: number }) => Model);
  /** How a sample becomes the model's input. */
  readonly input: Preprocessing;
  /** What the model predicts. */
  readonly target: ClassTarget;
  /** Where samples come from. */
  readonly source: SourceFactory;
  /** Samples that are never trained on, for the held-out accuracy. */
  readonly heldOut?: SourceFactory;
  readonly strategy: ProactiveStrategy;
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

/** Options of {@link proactive}. */
export interface ProactiveOptions {
  /** New samples per training step. @default 8 */
  readonly triggerSize?: number;
  /** Samples per batch, new and old together. @default 128 */
  readonly batchSize?: number;
}

/**
 * Proactive training (Prapas et al., "Continuous training and deployment of deep learning models",
 * Datenbank-Spektrum 21, 2021, Algorithm 1).
 * @throws RangeError unless 1 ≤ triggerSize ≤ batchSize
 */
export function proactive(options: ProactiveOptions = {}): ProactiveStrategy {
  const { triggerSize = 8, batchSize = 128 } = options;
  const whole = Number.isSafeInteger(triggerSize) && Number.isSafeInteger(batchSize);
  if (!whole || triggerSize < 1 || triggerSize > batchSize) {
    throw new RangeError(
      `proactive() needs whole numbers with 1 ≤ triggerSize ≤ batchSize, got ${triggerSize} and ${batchSize}`,
    );
  }
  return { kind: "proactive", triggerSize, batchSize };
}
