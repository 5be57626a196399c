/** A small world for the training loop: everything that outlives a process, and a way to start one. */
import { deployCopy, ManualClock, numeric, Random, type Sample } from "@everfresh/core";
import { type History, memoryHistory } from "@everfresh/streams";
import { deployedAt } from "./checkpoint-store.ts";
import { linearModel, LinearSession } from "./linear-session.fixture.ts";
import { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
import { MemoryPublisher } from "./memory-publisher.ts";
import { uniformSampler } from "./samplers/uniform.ts";
import { topK } from "./sparsifiers/top-k.ts";
import type { StepReport } from "./step-report.ts";
import { points } from "./points.fixture.ts";
import { trainProactively } from "./trainer.ts";
import type { TrainerOptions } from "./trainer-options.ts";

const INPUTS = 12;
const CLASSES = 4;

/** What survives a crash. */
export interface Stores {
  readonly history: History;
  readonly publisher: MemoryPublisher;
  readonly checkpoints: MemoryCheckpointStore;
}

export function emptyStores(): Stores {
  return {
    history: memoryHistory(),
    publisher: new MemoryPublisher(),
    checkpoints: new MemoryCheckpointStore(),
  };
}

/** The options of a process that starts with these stores, from their last checkpoint if there is one. */
export async function optionsOn(
  stores: Stores,
  overrides: Partial<TrainerOptions> & { readonly size?: number } = {},
): Promise<TrainerOptions> {
  const { size = 10_000, ...options } = overrides;
  const model = linearModel(INPUTS, CLASSES);
  const resume = await stores.checkpoints.latest();
  return {
    model,
    session: overrides.session ?? new LinearSession(model, resume?.training),
    source: points({ size, inputs: INPUTS, classes: CLASSES }),
    ...stores,
    preprocessing: numeric(INPUTS),
    triggerSize: 8,
    batchSize: 32,
    sampler: uniformSampler(resume === null ? new Random(5) : Random.at(resume.sampler)),
    sparsifier: topK({ ratio: 0.1, valueType: "float16" }),
    deployed: resume === null ? deployCopy(model.state, 0) : deployedAt(resume, model.state.layout),
    clock: new ManualClock(),
    ...(resume === null ? {} : { resume }),
    ...options,
  };
}

/** All samples of the history, in order. */
export function samplesOf({ history }: Stores): Promise<readonly Sample[]> {
  return history.range(0, history.count());
}

/** Trains until the end and gives all reports. */
export async function run(options: TrainerOptions): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for await (const report of trainProactively(options)) reports.push(report);
  return reports;
}
