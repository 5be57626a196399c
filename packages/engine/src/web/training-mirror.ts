import type { TrainingMemory } from "../sessions/training-memory.ts";
import type { TrainingRequest } from "../sessions/training-protocol.ts";

/**
 * Most pages have no memory that threads share. So page and worker each have a whole
 * {@link TrainingMemory}, and what one side has written goes to the other with every message:
 *
 *   page to worker    θ, because the page may write to it; for a step the samples; and the
 *                     optimizer's vectors when they were restored
 *   worker to page    after a step: θ, the optimizer's vectors, what the step reports; after a
 *                     gradient this in the place of the vectors
 */
export interface PageNews {
  /** θ, unless the request does not look at it. */
  readonly state: ArrayBuffer | null;
  /** Samples, targets and weights of the batch; null when the request is no step. */
  readonly batch: {
    readonly inputs: Float32Array<ArrayBuffer>;
    readonly targets: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
    readonly weights: Float32Array<ArrayBuffer>;
  } | null;
  /** The optimizer's vectors when they were restored; otherwise none. */
  readonly slots: readonly Float32Array<ArrayBuffer>[];
}

/** What a step has changed. */
export interface WorkerNews {
  readonly state: ArrayBuffer;
  /** After a step. */
  readonly slots: readonly Float32Array<ArrayBuffer>[];
  /** The first worker's row of gradients, where that is what was asked for. */
  readonly gradients: readonly Float32Array<ArrayBuffer>[];
  readonly shards: readonly Float64Array<ArrayBuffer>[];
}

/** A request as it goes to a Web Worker. */
export interface MirroredRequest {
  readonly request: TrainingRequest;
  readonly news: PageNews;
}

/** An answer as it comes from a Web Worker; `news` is null for all but a step. */
export interface MirroredReply {
  readonly value: unknown;
  readonly news: WorkerNews | null;
}

/** The memory that the page never looks at, so that the worker can have it for itself. */
export function workerOnlyMemory({ gradients, moments }: TrainingMemory): ArrayBuffer[] {
  return [...gradients, ...moments].map(({ buffer }) => buffer as ArrayBuffer);
}

/**
 * What of the page's memory the worker needs for `request`, and can have for itself.
 * @param spare memory to copy θ into, of its size; by default it is made
 */
export function pageNews(
  memory: TrainingMemory,
  request: TrainingRequest,
  spare: ArrayBuffer | null = null,
): PageNews {
  const seesTheta = !("state" in request) || request.state === null;
  const state = seesTheta ? copyOf(memory.state, spare) : null;
  const slots = request.kind === "restored" ? copiesOf(memory.slots) : [];
  if (!movesState(request)) return { state, batch: null, slots };
  const [, size] = request.part.rows;
  const rows = memory.weights.length;
  const batch = {
    inputs: memory.batch.slice(0, (memory.batch.length / rows) * size),
    targets: memory.targets.slice(0, (memory.targets.length / rows) * size),
    weights: memory.weights.slice(0, size),
  };
  return { state, batch, slots };
}

/** The memory in it, to be moved and not copied. */
export function transferOfPageNews({ state, batch, slots }: PageNews): ArrayBuffer[] {
  return [
    ...slots.map(({ buffer }) => buffer),
    ...(state === null ? [] : [state]),
    ...(batch === null ? [] : [batch.inputs.buffer, batch.targets.buffer, batch.weights.buffer]),
  ];
}

/** Writes what came from the page into the worker's memory. */
export function takePageNews(memory: TrainingMemory, { state, batch, slots }: PageNews): void {
  if (state !== null) new Uint8Array(memory.state).set(new Uint8Array(state));
  for (const [i, slot] of slots.entries()) memory.slots[i]?.set(slot);
  if (batch === null) return;
  memory.batch.set(batch.inputs);
  memory.targets.set(batch.targets);
  memory.weights.set(batch.weights);
}

/** Whether a request is for a step or its gradient. */
export function movesState(
  request: TrainingRequest,
): request is Extract<TrainingRequest, { kind: "step" | "gradient" }> {
  return request.kind === "step" || request.kind === "gradient";
}

/**
 * What a step, or its gradient, has changed in the worker.
 * @param spare as of {@link pageNews}
 */
export function workerNews(
  { state, slots, gradients, shards }: TrainingMemory,
  kind: "step" | "gradient",
  spare: ArrayBuffer | null = null,
): WorkerNews {
  return {
    state: copyOf(state, spare),
    slots: kind === "step" ? copiesOf(slots) : [],
    gradients: kind === "gradient" ? copiesOf(gradients.slice(0, 1)) : [],
    shards: shards.map((row) => row.slice()),
  };
}

/** The memory in it, to be moved and not copied. */
export function transferOfWorkerNews(news: WorkerNews): ArrayBuffer[] {
  const { state, slots, gradients, shards } = news;
  return [state, ...[...slots, ...gradients, ...shards].map(({ buffer }) => buffer)];
}

/** Writes what came from the worker into the page's memory. */
export function takeWorkerNews(memory: TrainingMemory, news: WorkerNews): void {
  const { state, slots, gradients, shards } = news;
  new Uint8Array(memory.state).set(new Uint8Array(state));
  // Nobody on the page writes to these, so what was sent can take their place.
  memory.slots.splice(0, slots.length, ...slots);
  memory.gradients.splice(0, gradients.length, ...gradients);
  for (const [rank, row] of shards.entries()) memory.shards[rank]?.set(row);
}

function copiesOf(rows: readonly Float32Array[]): Float32Array<ArrayBuffer>[] {
  return rows.map((row) => row.slice());
}

function copyOf(buffer: ArrayBufferLike, spare: ArrayBuffer | null): ArrayBuffer {
  const copy = spare ?? new ArrayBuffer(buffer.byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}
