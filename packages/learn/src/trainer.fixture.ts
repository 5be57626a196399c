/** A small world for the training loop: everything that outlives a process, and a way to start one. */
import {
  deployCopy,
  ManualClock,
  numeric,
  type Preprocessing,
  preprocessorOf,
  type Sample,
  stateBytes,
} from "@everfresh/core";
import { type Model, withStatistics } from "@everfresh/engine";
import { type History, type LabelJoin, memoryHistory, memoryLabelJoin } from "@everfresh/streams";
import { deployedAt } from "./checkpoint-store.ts";
import type { DriftSpec } from "./drift/monitor/drift-spec.ts";
import type { DriftWatchOptions } from "./drift/monitor/drift-watch-options.ts";
import { DriftWatch } from "./drift/monitor/drift-watch.ts";
import { LiveEvaluation } from "./evaluate/live-evaluation.ts";
import { followed, followedInbox, type FollowedInbox } from "./followed-points.fixture.ts";
import type { Journal } from "./journal/journal.ts";
import { memoryJournal } from "./journal/memory-journal.ts";
import { type LinearModel, linearModel, LinearSession } from "./linear-session.fixture.ts";
import { normalisedModel, NormalisedSession } from "./normalised-session.fixture.ts";
import { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
import { MemoryRetrainingStore } from "./memory-retraining-store.ts";
import { MemoryPublisher } from "./memory-publisher.ts";
import type { GradientSpec } from "./sparsifiers/gradient-spec.ts";
import { gradientTraining } from "./sparsifiers/gradient-training.ts";
import { LinearGradients } from "./sparsifiers/linear-gradients.fixture.ts";
import { topK } from "./sparsifiers/top-k.ts";
import type { StepReport } from "./step-report.ts";
import { points } from "./points.fixture.ts";
import { proactive } from "./strategies/strategy-spec.ts";
import { trainContinuously } from "./trainer.ts";
import type { TrainerOptions } from "./trainer-options.ts";

const INPUTS = 12;
const CLASSES = 4;

/** What survives a crash. */
export interface Stores {
  readonly history: History;
  readonly publisher: MemoryPublisher;
  readonly checkpoints: MemoryCheckpointStore;
  readonly retrainings: MemoryRetrainingStore;
  readonly journal: Journal;
  readonly join: LabelJoin;
  readonly inbox: FollowedInbox;
}

export function emptyStores(): Stores {
  return {
    history: memoryHistory(),
    publisher: new MemoryPublisher(),
    checkpoints: new MemoryCheckpointStore(),
    retrainings: new MemoryRetrainingStore(),
    journal: memoryJournal(),
    join: memoryLabelJoin({ clock: new ManualClock() }),
    inbox: followedInbox(),
  };
}

/** The options of a process that starts with these stores, from their last checkpoint if there is one. */
export async function optionsOn(
  stores: Stores,
  overrides: Partial<TrainerOptions> & {
    readonly size?: number;
    /** Of a proactive strategy, where no other one is given. */
    readonly triggerSize?: number;
    readonly batchSize?: number;
    /** How many samples late labels are, if they are. */
    readonly lagSamples?: number;
    /** Whether labels come by themselves. */
    readonly follows?: boolean;
    /** Whether the model has running statistics. */
    readonly normalised?: boolean;
    /** How to train by sparse gradients, if that is what to do. */
    readonly gradients?: GradientSpec;
    /** How drift is watched, if it is, */
    readonly watched?: DriftSpec;
    /** and what of the watch is to be otherwise. */
    readonly watching?: (stores: Stores) => Partial<DriftWatchOptions>;
  } = {},
): Promise<TrainerOptions> {
  const { size = 10_000, normalised = false, gradients, ...others } = overrides;
  const { preprocessing = numeric(INPUTS) } = overrides;
  const { triggerSize = 8, batchSize = 32, lagSamples, watched, ...rest } = others;
  const { watching, follows = false, source: given, ...options } = rest;
  const source = given ?? points({ size, inputs: INPUTS, classes: CLASSES });
  const model = modelFor(preprocessing, normalised);
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
    source: follows ? followed(source, stores.inbox) : source,
    ...stores,
    preprocessing,
    ...(lagSamples === undefined ? {} : { labels: { join: stores.join, lagSamples } }),
    ...(follows ? { labels: { join: stores.join, lagSamples: null } } : {}),
    strategy: proactive({ triggerSize, batchSize }),
    seed: 5,
    initial: stateBytes(model.state).slice(),
    evaluation: new LiveEvaluation({
      ...{ classes: CLASSES, frozen: model.state },
      checkpoint: resume?.evaluation ?? undefined,
    }),
    deployed: resume === null ? deployCopy(model.state, 0) : deployedAt(resume, model.state.layout),
    clock,
    ...(resume === null ? {} : { resume }),
    ...(watched === undefined
      ? {}
      : {
          drift: new DriftWatch({
            ...{ spec: watched, features: INPUTS, classes: CLASSES, seed: 5 },
            ...{ preprocessing, initial: model.state, ...watching?.(stores) },
            checkpoint: resume?.drift,
          }),
        }),
    ...options,
  };
}

/** The regression, its state with what preprocessing learns. */
export function modelFor(preprocessing: Preprocessing, normalised = false): LinearModel {
  const model = (normalised ? normalisedModel : linearModel)(INPUTS, CLASSES);
  // Of a model it takes the state alone.
  const { state } = withStatistics(model as unknown as Model, preprocessorOf(preprocessing));
  return { ...model, state };
}

/** All samples of the history, in order. */
export function samplesOf({ history }: Stores): Promise<readonly Sample[]> {
  return history.range(0, history.count());
}

/** Waits one turn of the event loop, however long it was to be: for clocks that stand still. */
export const oneTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Trains until the end and gives all reports. */
export async function run(options: TrainerOptions): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for await (const report of trainContinuously(options)) reports.push(report);
  return reports;
}
