/** The page that a browser opens in the test: it does what a user's page would, and reports. */
import { DeployedState, type Update } from "@everfresh/core";
import {
  inferenceGraph,
  lenet5,
  openInference,
  openTrainingSession,
  type OptimizerSpec,
  type TrainingCheckpoint,
  type WebInferenceOptions,
  type WebTrainingOptions,
} from "@everfresh/engine/web";
import { samples } from "./task.ts";

/** A checkpoint as it goes between the test and the page, in base64. */
export interface CheckpointText {
  readonly state: string;
  readonly optimizer: string;
}

/** What the page is asked to train. */
export interface TrainRequest {
  readonly steps: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec;
  readonly plan?: NonNullable<WebTrainingOptions["plan"]>;
  readonly checkpoint?: CheckpointText;
}

/** What came out of it. */
export interface TrainReport {
  readonly plan: object;
  readonly opened: CheckpointText;
  readonly closed: CheckpointText;
  readonly losses: readonly number[];
  readonly stepsMs: readonly number[];
  /** For every step, how many other things the page's main thread did until it resolved. */
  readonly turns: readonly number[];
  readonly openMs: number;
}

/** What the page is asked to predict, before and after an update. */
export interface InferRequest {
  readonly size: number;
  readonly update: { readonly indices: readonly number[]; readonly values: readonly number[] };
}

/** What came out of it. */
export interface InferReport {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly fingerprints: readonly string[];
  readonly mode: string;
}

/** What the test can ask the page for. */
export interface Journey {
  readonly isolated: boolean;
  train(request: TrainRequest): Promise<TrainReport>;
  infer(request: InferRequest): Promise<InferReport>;
  /** Trains into numbers that are not finite; says whether θ stayed as it was. */
  overflow(): Promise<{ readonly code: string; readonly kept: boolean }>;
  /** The code of the error with which a session does not open. */
  trainingRefusal(options: Partial<WebTrainingOptions>): Promise<string>;
  inferenceRefusal(options: WebInferenceOptions): Promise<string>;
}

const LEARNING: OptimizerSpec = { kind: "sgd", learningRate: 0.05, momentum: 0.9 };

async function train(request: TrainRequest): Promise<TrainReport> {
  const { steps, batchSize, optimizer, plan, checkpoint } = request;
  const startedMs = performance.now();
  await using session = await openTrainingSession(lenet5({ seed: 1 }), {
    batchSize,
    optimizer,
    ...(plan === undefined ? {} : { plan }),
    ...(checkpoint === undefined ? {} : { checkpoint: fromText(checkpoint) }),
  });
  const openMs = performance.now() - startedMs;
  const opened = toText(session.checkpoint());
  const losses: number[] = [];
  const stepsMs: number[] = [];
  const turns: number[] = [];
  using counter = countTurns();
  for (let step = 0; step < steps; step++) {
    const before = counter.turns();
    const { loss, stepMs } = await session.step(samples(batchSize, step));
    turns.push(counter.turns() - before);
    losses.push(loss);
    stepsMs.push(stepMs);
  }
  const closed = toText(session.checkpoint());
  return { plan: session.plan, opened, closed, losses, stepsMs, turns, openMs };
}

async function infer({ size, update }: InferRequest): Promise<InferReport> {
  const model = lenet5({ seed: 1 });
  const deployed = new DeployedState(model.state, 0);
  const { state, version, fingerprint } = deployed;
  const { inputs } = samples(size, 0);
  await using session = await openInference(inferenceGraph(model), { state, version, fingerprint });
  const before = await session.predict(inputs, size);
  const change: Update = deployed.updateFor({
    valueType: "float32",
    indices: Uint32Array.from(update.indices),
    values: Float32Array.from(update.values),
    buffers: [],
  });
  const applied = await session.apply(change);
  const after = await session.predict(inputs, size);
  return {
    before: [...before.outputs],
    after: [...after.outputs],
    fingerprints: [before.fingerprint, applied.fingerprint, after.fingerprint],
    mode: session.mode,
  };
}

async function overflow(): Promise<{ code: string; kept: boolean }> {
  const options = { batchSize: 8, optimizer: LEARNING };
  await using session = await openTrainingSession(lenet5({ seed: 1 }), options);
  const before = session.state.parameters.slice();
  const { inputs, targets, size } = samples(8, 0);
  const code = await refusal(() => session.step({ inputs: inputs.fill(3e38), targets, size }));
  const kept = before.every((value, i) => value === session.state.parameters[i]);
  return { code, kept };
}

function trainingRefusal(options: Partial<WebTrainingOptions>): Promise<string> {
  const all = { batchSize: 8, optimizer: LEARNING, ...options };
  return refusal(() => openTrainingSession(lenet5({ seed: 1 }), all));
}

function inferenceRefusal(options: WebInferenceOptions): Promise<string> {
  const model = lenet5({ seed: 1 });
  const { state, version, fingerprint } = new DeployedState(model.state, 0);
  return refusal(() =>
    openInference(inferenceGraph(model), { state, version, fingerprint }, options),
  );
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return "nothing was refused";
}

/** Counts how often the main thread comes round to what else there is to do. */
function countTurns(): { turns: () => number } & Disposable {
  const { port1, port2 } = new MessageChannel();
  let count = 0;
  port1.onmessage = () => {
    count++;
    port2.postMessage(null);
  };
  port2.postMessage(null);
  return { turns: () => count, [Symbol.dispose]: () => port1.close() };
}

function toText({ state, optimizer }: TrainingCheckpoint): CheckpointText {
  return { state: toBase64(state), optimizer: toBase64(optimizer) };
}

function fromText({ state, optimizer }: CheckpointText): TrainingCheckpoint {
  return { state: fromBase64(state), optimizer: fromBase64(optimizer) };
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

const journey: Journey = {
  isolated: crossOriginIsolated,
  train,
  infer,
  overflow,
  trainingRefusal,
  inferenceRefusal,
};
Object.assign(globalThis, { journey });
