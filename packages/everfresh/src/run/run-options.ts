import type { Clock } from "@everfresh/core";
import type { ExecutionPlan } from "@everfresh/engine";
import type { StepReport } from "@everfresh/learn";
import type { ModelStatus } from "@everfresh/sync";
import type { LoadedConfig } from "../config/load-config.ts";
import type { NatsPublication } from "../config/nats.ts";
import type { RunEvent } from "./run-events.ts";

/** Options of `runModel`. */
export interface RunModelOptions {
  /** The configuration, once the seed is known. */
  readonly config: (seed: number) => LoadedConfig;
  readonly stateDirectory: string;
  readonly seed?: number;
  /** Whether the model may have other tensors than before: it then starts anew, as a new generation. */
  readonly newGeneration?: boolean;
  /** Ends after so many steps; otherwise with the source. */
  readonly steps?: number;
  /** Overrides the configured share of parameters per update. */
  readonly ratio?: number;
  /** What to fix about the execution, before what the state directory recorded. */
  readonly plan?: Partial<Pick<ExecutionPlan, "workers" | "batchNorm" | "provider">>;
  /** File of the private key that signs what is published, instead of the configured one. */
  readonly signingKeyFile?: string;
  /** A NATS server to publish to, instead of the configured one. */
  readonly nats?: NatsPublication;
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  /** Lets samples arrive at this rate at most. */
  readonly samplesPerSecond?: number;
  /** Ends training after the step that is running. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly onEvent: (event: RunEvent) => void;
  /** Called when replicas are let in, with the address and the seed of the run. */
  readonly onReady?: (feedUrl: string, seed: number) => void;
  /** Called before the first step, if replicas are let in by then; training waits for it. */
  readonly beforeTraining?: (status: () => ModelStatus) => Promise<void>;
  /** Called when training has ended; the model is served until it resolves. */
  readonly afterTraining: (run: FinishedTraining) => Promise<void>;
}

/** A run whose training is over and whose server still runs. */
export interface FinishedTraining {
  /** How things are now. */
  status(): ModelStatus;
  /** The last step; null when none was made. */
  readonly latest: StepReport | null;
}
