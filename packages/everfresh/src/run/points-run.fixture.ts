/** Short whole runs on points, in a folder. */
import path from "node:path";
import { classes, image, numeric, Random, type Shape, sizeOf, systemClock } from "@everfresh/core";
import type { Model, OptimizerSpec } from "@everfresh/engine";
import type { TrainerCheckpoint } from "@everfresh/learn";
import type { Source } from "@everfresh/streams";
import type { ModelStatus } from "@everfresh/sync";
import { openUpdateLogReader } from "@everfresh/sync/node";
import type { Deployment } from "../config/deployment.ts";
import { defineModel, type ModelDefinition } from "../config/define-model.ts";
import { proactive } from "../config/strategies.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import { findStateDirectory, type StateDirectory } from "../state/state-directory.ts";
import { runModel } from "./run-model.ts";

/** Makes images of plain numbers. */
const PIXEL = [1 / 255, 1 / 255, 1 / 255];

/** Endless points around three centres. */
function points(shape: Shape): Source {
  const inputs = sizeOf(shape);
  return {
    name: "points",
    size: null,
    schema: { features: { dtype: "float32", shape }, target: classes(3) },
    async *read({ from = 0 } = {}) {
      for (let n = from; ; n++) {
        await Promise.resolve();
        const random = new Random(1, n);
        const label = random.below(3);
        const features = Float32Array.from({ length: inputs }, (_, i) =>
          random.normal(i % 3 === label ? 1 : 0, 0.7),
        );
        yield { id: `points-${n}`, eventTimeMs: n, features, label };
      }
    },
  };
}

/** A model of three classes of points. */
export function definitionOf(
  model: Model,
  how: { readonly deploy: Deployment; readonly optimizer: OptimizerSpec },
): ModelDefinition {
  const { shape } = model.input;
  const source = points(shape);
  const [size = 1, height, width] = shape;
  return defineModel({
    name: "points",
    model,
    input:
      height === undefined || width === undefined
        ? numeric(size)
        : image({ width, height, channels: size, std: PIXEL }),
    target: classes(3),
    source: () => Promise.resolve(source),
    strategy: proactive({ triggerSize: 16, batchSize: 32 }),
    ...how,
  });
}

/** What is left of a run. */
export interface EndedRun {
  readonly status: ModelStatus;
  /** Warnings, and how often statistics are deployed. */
  readonly told: readonly string[];
  readonly directory: StateDirectory;
  /** But for what was measured. */
  readonly checkpoint: TrainerCheckpoint;
}

/** Trains so many more steps in a state directory. */
export async function train(
  stateDirectory: string,
  definition: ModelDefinition,
  steps: number,
  how: { readonly newGeneration?: boolean } = {},
): Promise<EndedRun> {
  let status: ModelStatus | undefined;
  const told: string[] = [];
  await runModel({
    config: () => ({ definition, directory: path.dirname(stateDirectory) }),
    stateDirectory,
    seed: 6,
    ...how,
    steps,
    host: "127.0.0.1",
    port: 0,
    signal: new AbortController().signal,
    clock: systemClock,
    onEvent: (event) => {
      if (event.kind === "warning") told.push(event.message);
      if (event.kind === "ready") told.push(`every ${event.buffersEvery ?? "never"}`);
    },
    afterTraining: (run) => {
      status = run.status();
      return Promise.resolve();
    },
  });
  const { directory } = findStateDirectory(stateDirectory);
  const checkpoint = await checkpointFile(directory.checkpointFile).latest();
  if (status === undefined || checkpoint === null) throw new Error("the run left nothing");
  return { status, told, directory, checkpoint: timeless(checkpoint) };
}

function timeless(checkpoint: TrainerCheckpoint): TrainerCheckpoint {
  const { strategy } = checkpoint;
  const budget = { nowMs: null, parts: [] };
  const untimed = { ...strategy.checkpoint, intake: null, budget };
  return { ...checkpoint, costs: null, strategy: { ...strategy, checkpoint: untimed } };
}

/** Of all versions, newest first. */
export async function fingerprintsOf(directory: StateDirectory): Promise<readonly string[]> {
  await using log = await openUpdateLogReader({ file: directory.databaseFile });
  return (await log.entries({ limit: 100 })).map(({ fingerprint }) => fingerprint);
}
