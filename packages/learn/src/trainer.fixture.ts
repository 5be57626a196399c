/** A small world for the training loop: everything that outlives a process, and a way to start one. */
import { deployCopy, ManualClock, numeric, Random, type Sample } from "@everfresh/core";
import { type History, memoryHistory } from "@everfresh/streams";
import { deployedAt } from "./checkpoint-store.ts";
import { linearModel, LinearSession } from "./linear-session.fixture.ts";
import { normalisedModel, NormalisedSession } from "./normalised-session.fixture.ts";
import { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
import { MemoryPublisher } from "./memory-publisher.ts";
import { uniformSampler } from "./samplers/uniform.ts";
import type { GradientSpec } from "./sparsifiers/gradient-spec.ts";
import { gradientTraining } from "./sparsifiers/gradient-training.ts";
import { LinearGradients } from "./sparsifiers/linear-gradients.fixture.ts";
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
  overrides: Partial<TrainerOptions> & {
    readonly size?: number;
    /** Whether the model has running statistics. */
    readonly normalised?: boolean;
    /** How to train by sparse gradients, if that is what to do. */
    readonly gradients?: GradientSpec;
  } = {},
): Promise<TrainerOptions> {
  const { size = 10_000, normalised = false, gradients, ...options } = overrides;
  const model = (normalised ? normalisedModel : linearModel)(INPUTS, CLASSES);
  const resume = await stores.checkpoints.latest();
  const Session = normalised ? NormalisedSession : LinearSession;
  const clock = new ManualClock();
  const ways =
    gradients === undefined
      ? {
          session: overrides.session ?? new Session(model, resume?.training),
          sparsifier: topK({ ratio: 0.1, valueType: "float16" }),
        }
      : gradientTraining(new LinearGradients(model), gradients, {
          clock,
          ...(resume === null ? {} : { checkpoint: resume.training }),
        });
  return {
    model,
    ...ways,
    source: points({ size, inputs: INPUTS, classes: CLASSES }),
    ...stores,
    preprocessing: numeric(INPUTS),
    triggerSize: 8,
    batchSize: 32,
    sampler: uniformSampler(resume === null ? new Random(5) : Random.at(resume.sampler)),
    deployed: resume === null ? deployCopy(model.state, 0) : deployedAt(resume, model.state.layout),
    clock,
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
