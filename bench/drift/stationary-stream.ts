import { existsSync } from "node:fs";
import path from "node:path";
import { cloneState, image, type ModelState, Random, type Sample } from "@everfresh/core";
import { adam, lenet5, openTrainingSession, type TrainingSession } from "@everfresh/engine";
import { assembleBatch, PinnedMembers, softmaxRows } from "@everfresh/learn";
import { digits, mnist } from "@everfresh/streams";

/** New samples per update, samples per batch. */
export const TRIGGER = 8;
const BATCH = 128;
/** Updates before anything is pinned: 10,000 samples. */
const WARM_UP = 1_250;
/** Updates between two states that may become members of an ensemble. */
const ANCHOR_EVERY = 250;
const MEMBERS = { members: 4, everySamples: 4 };

const PIXELS = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

/** What a stream is made with. */
export interface StationaryOptions {
  readonly seed: number;
  /** Updates after the warm-up. */
  readonly updates: number;
  /** Where the folder `mnist` is; without it digits are drawn. */
  readonly data: string;
}

/** Predictions of the samples of an update by one model, before it learns from them. */
export interface Predictions {
  readonly probabilities: readonly Float64Array[];
  /** By an ensemble of four states; null for samples that it is not asked about. */
  readonly members: readonly (readonly Float64Array[] | null)[];
}

/** What can be seen at an update. */
export interface StationaryUpdate {
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  /** By the state, and the anchors, of the end of the warm-up. */
  readonly pinned: Predictions;
  /** By the state in training, and the newest anchors. */
  readonly trained: Predictions;
  /** √(gᵀ F⁻¹ g / parameters) of the step. */
  readonly gradient: number;
}

/**
 * LeNet-5 learns digits in random order, eight new ones and 120 earlier ones per update: nothing
 * changes but the model.
 */
export async function* stationaryStream(
  options: StationaryOptions,
): AsyncGenerator<StationaryUpdate, void, void> {
  const { seed, updates, data } = options;
  const samples = await shuffled(data, (WARM_UP + updates) * TRIGGER, seed);
  const model = lenet5({ seed });
  await using session = await openTrainingSession(model, {
    optimizer: adam(),
    batchSize: BATCH,
    measureGradient: true,
  });
  const random = new Random(seed, 2);
  const anchors: ModelState[] = [];
  let pinned: { readonly state: ModelState; readonly members: PinnedMembers } | null = null;
  let newest = await membersOf(anchors);
  for (let update = 0; update < WARM_UP + updates; update++) {
    const from = update * TRIGGER;
    if (update % ANCHOR_EVERY === 0 && update > 0) {
      anchors.push(cloneState(session.state));
      newest = await membersOf(anchors);
    }
    if (update === WARM_UP) {
      pinned = { state: cloneState(session.state, { shared: true }), members: newest };
    }
    const fresh = samples.slice(from, from + TRIGGER);
    const past = Array.from({ length: Math.min(BATCH - TRIGGER, from) }, () => random.below(from));
    const batch = assembleBatch(PIXELS, [...fresh, ...past.map((at) => samples[at] as Sample)]);
    const inputs = batch.inputs.slice(0, (TRIGGER * batch.inputs.length) / batch.size);
    const seen =
      pinned === null
        ? null
        : {
            pinned: await predicted(session, pinned.state, pinned.members, inputs, from),
            trained: await predicted(session, session.state, newest, inputs, from),
          };
    const { naturalGradientNorm = NaN } = await session.step(batch);
    if (seen === null) continue;
    const gradient = naturalGradientNorm / Math.sqrt(model.state.parameters.length);
    yield { inputs, labels: Int32Array.from(fresh, ({ label }) => label), gradient, ...seen };
  }
}

function membersOf(anchors: readonly ModelState[]): Promise<PinnedMembers> {
  return PinnedMembers.newest(
    {
      versions: () => Promise.resolve([...anchors.keys()]),
      stateAt: (version) => Promise.resolve(anchors[version] as ModelState),
    },
    MEMBERS,
  );
}

async function predicted(
  session: TrainingSession,
  state: ModelState,
  members: PinnedMembers,
  inputs: Float32Array,
  sequence: number,
): Promise<Predictions> {
  const [logits, answers] = await Promise.all([
    session.predict(state, inputs, TRIGGER),
    members.predict(session, inputs, TRIGGER, sequence),
  ]);
  return { probabilities: softmaxRows(logits, TRIGGER), members: answers };
}

/** The first samples of MNIST, in an order that the seed decides. */
async function shuffled(data: string, count: number, seed: number): Promise<readonly Sample[]> {
  const folder = path.join(data, "mnist");
  const source = existsSync(folder) ? await mnist(folder, "train") : digits({ seed, size: count });
  const samples: Sample[] = [];
  for await (const sample of source.read()) samples.push(sample);
  if (samples.length < count) {
    throw new Error(
      `${source.name} has ${samples.length} samples, not the ${count} that are needed`,
    );
  }
  const random = new Random(seed, 1);
  for (let i = samples.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [samples[i], samples[j]] = [samples[j] as Sample, samples[i] as Sample];
  }
  return samples.slice(0, count);
}
