/**
 * What LeNet-5 says about digits that change, while it learns them with late labels: written once, so
 * that signals with many settings can look at the same predictions.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { deserialize, serialize } from "node:v8";
import { cloneState, image, type ModelState, Random, type Sample } from "@everfresh/core";
import { adam, lenet5, openTrainingSession, type TrainingSession } from "@everfresh/engine";
import { argmaxRows, assembleBatch } from "@everfresh/learn";
import { MNIST_PIXELS } from "../streams/experiments.ts";
import { type ChangingDigits, DIGITS_CHANGES } from "./changing-digits.ts";

/** Classes of digits. */
export const CLASSES = 10;
/** How images come to the model. */
export const DIGIT_PIXELS: ReturnType<typeof image> = image({
  ...{ width: 28, height: 28, ...MNIST_PIXELS },
});

/** New samples per step, samples per batch, and passes over those that are known before. */
const TRIGGER = 8;
const BATCH = 128;
const INITIAL_EPOCHS = 5;
/** Samples that the pinned state predicts at once. */
const PREDICTED_TOGETHER = 256;

/** Answers about samples, in their order. */
export interface Answers {
  /** Logits of the state that the stream began with. */
  readonly pinned: Float32Array;
  /** Whether the state that learns was right before it learned from the sample: 1 or 0. */
  readonly hits: Uint8Array;
}

/** What is known of a stream. */
export interface DigitsRecord {
  readonly before: Answers;
  /** By the name of the change. */
  readonly after: Readonly<Record<string, Answers>>;
}

/** How a record is made, and where it is kept. */
export interface RecordOptions {
  readonly seed: number;
  /** Samples after which a label arrives. */
  readonly lag: number;
  readonly scale: number;
  readonly out: string;
}

/** The record of a stream: from its file, or made now, and written. */
export async function recordOf(
  stream: ChangingDigits,
  { seed, lag, scale, out }: RecordOptions,
): Promise<DigitsRecord> {
  const folder = path.join(out, "mnist-changes", `lag-${lag}`, `scale-${scale}`);
  const file = path.join(folder, `seed-${seed}.bin`);
  if (existsSync(file)) return deserialize(readFileSync(file)) as DigitsRecord;
  const record = await made(stream, seed, lag);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.part`, serialize(record));
  renameSync(`${file}.part`, file);
  return record;
}

async function made(stream: ChangingDigits, seed: number, lag: number): Promise<DigitsRecord> {
  await using session = await openTrainingSession(lenet5({ seed }), {
    optimizer: adam(),
    batchSize: BATCH,
    plan: { workers: 1, threadsPerWorker: 1 },
  });
  const { initial, before } = stream;
  await learnInitial(session, initial, new Random(seed, 21));
  const pinned = cloneState(session.state, { shared: true });
  const asked = { session, pinned, lag, initial: initial.length, seed };
  const answersBefore = await answersTo([...initial, ...before], initial.length, asked);
  const atChange = session.checkpoint();
  const after: Record<string, Answers> = {};
  for (const change of DIGITS_CHANGES) {
    await session.restore(atChange);
    const samples = [...initial, ...before, ...(await stream.after(change))];
    after[change.name] = await answersTo(samples, initial.length + before.length, asked);
  }
  return { before: answersBefore, after };
}

async function learnInitial(
  session: TrainingSession,
  samples: readonly Sample[],
  random: Random,
): Promise<void> {
  const steps = Math.ceil((INITIAL_EPOCHS * samples.length) / BATCH);
  for (let step = 0; step < steps; step++) {
    await session.step(assembleBatch(DIGIT_PIXELS, drawn(samples, samples.length, BATCH, random)));
  }
}

interface Asked {
  readonly session: TrainingSession;
  readonly pinned: ModelState;
  readonly lag: number;
  /** Samples that were known before the stream. */
  readonly initial: number;
  readonly seed: number;
}

/**
 * Answers to the samples from position `first` on, each update before the model learns: from those whose
 * labels have come since, and earlier ones drawn evenly.
 */
async function answersTo(
  samples: readonly Sample[],
  first: number,
  { session, pinned, lag, initial, seed }: Asked,
): Promise<Answers> {
  const count = samples.length - first;
  const logits = new Float32Array(count * CLASSES);
  const hits = new Uint8Array(count);
  for (let at = 0; at < count; at += PREDICTED_TOGETHER) {
    const some = samples.slice(first + at, first + at + PREDICTED_TOGETHER);
    logits.set(await predicted(session, pinned, some), at * CLASSES);
  }
  const random = new Random(seed, 22 + first);
  for (let at = first; at < samples.length; at += TRIGGER) {
    const fresh = samples.slice(at, at + TRIGGER);
    const said = argmaxRows(await predicted(session, session.state, fresh), fresh.length);
    hits.set(
      fresh.map(({ label }, i) => (said[i] === label ? 1 : 0)),
      at - first,
    );
    const known = Math.max(initial, at - lag);
    const labelled = samples.slice(known, Math.max(initial, at + fresh.length - lag));
    if (labelled.length === 0) continue;
    const past = drawn(samples, known, BATCH - labelled.length, random);
    await session.step(assembleBatch(DIGIT_PIXELS, [...labelled, ...past]));
  }
  return { pinned: logits, hits };
}

function drawn(
  samples: readonly Sample[],
  below: number,
  count: number,
  random: Random,
): readonly Sample[] {
  return Array.from({ length: count }, () => samples[random.below(below)] as Sample);
}

function predicted(
  session: TrainingSession,
  state: ModelState,
  samples: readonly Sample[],
): Promise<Float32Array> {
  return session.predict(state, assembleBatch(DIGIT_PIXELS, samples).inputs, samples.length);
}
