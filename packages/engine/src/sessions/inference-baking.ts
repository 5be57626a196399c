import type { Clock, Features, Update } from "@everfresh/core";
import { SessionClosedError, WorkerCrashedError } from "../errors.ts";
import type { RuntimeReport } from "../runtime/runtime.ts";
import { defaultBakeEveryMs } from "./inference-freshness.ts";
import type {
  InferenceMode,
  InferenceSession,
  Prediction,
  StateVersion,
  VersionedState,
} from "./inference-session.ts";
import { type InferenceThread, toSentUpdate } from "./inference-thread.ts";

// Of so many bakes the slowest counts: more than one busy moment, and soon forgotten.
const BAKES_REMEMBERED = 32;

/** What a {@link BakingInference} asks its workers for. */
export type BakingWorker = Pick<
  InferenceThread,
  | "report"
  | "crashed"
  | "checkRoom"
  | "predict"
  | "apply"
  | "replace"
  | "scrub"
  | "bake"
  | "rest"
  | "end"
>;

/** What a {@link BakingInference} is made of. */
interface BakingParts {
  /** A worker that has baked the state, and has not been asked for anything yet. */
  readonly serving: BakingWorker;
  /** A worker with the same state that rests. */
  readonly spare: BakingWorker;
  readonly version: StateVersion;
  /** The least time between two bakes, in milliseconds; undefined for the default. */
  readonly bakeEveryMs: number | undefined;
  readonly clock: Clock;
}

/**
 * Two workers that take turns. Both apply every update; one answers predictions with a graph in which
 * the weights are constants, while the other rests or makes such a graph of a later version:
 *
 *   updates      u1   u2 u3             u4
 *   worker A     predict ........... | rest    bake u4 | predict ...
 *   worker B     rest   bake u1..u3  | predict ....... | rest
 *
 * So no prediction waits for a bake, and the memory of a second graph is in use only during one.
 */
export class BakingInference implements InferenceSession {
  readonly mode: InferenceMode = "bake";
  readonly runtime: RuntimeReport;
  readonly #clock: Clock;
  readonly #askedEveryMs: number | undefined;
  #serving: BakingWorker;
  #spare: BakingWorker;
  /** The version that the workers' states have. */
  #applied: StateVersion;
  /** The version that answers. */
  #answering: StateVersion;
  /** Durations of the last bakes, in milliseconds. */
  #bakesMs: readonly number[];
  #bakeStartedMs = -Infinity;
  #baking: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Samples of the last prediction: the next one is likely to have as many. */
  #rows = 0;
  /** Why the session has ended; null while it has not. */
  #ended: Error | null = null;
  #closing: Promise<void> | null = null;

  constructor({ serving, spare, version, bakeEveryMs, clock }: BakingParts) {
    this.runtime = serving.report.runtime;
    this.#clock = clock;
    this.#askedEveryMs = bakeEveryMs;
    this.#serving = serving;
    this.#spare = spare;
    this.#applied = version;
    this.#answering = version;
    this.#bakesMs = [serving.report.bakeMs];
    // One worker alone would answer, but never again with anything new.
    for (const { crashed } of [serving, spare]) void crashed.then((error) => this.#end(error));
  }

  get freshnessMs(): number {
    return this.#bakeEveryMs + this.#slowestBakeMs;
  }

  async predict(features: Features, size: number): Promise<Prediction> {
    this.#checkOpen();
    this.#serving.checkRoom();
    const prediction = await this.#serving.predict(features, size);
    this.#rows = size;
    return prediction;
  }

  async apply(update: Update): Promise<StateVersion> {
    this.#checkRoom();
    const sent = toSentUpdate(update);
    const [serving, spare] = [this.#serving.apply(sent), this.#spare.apply(sent)];
    this.#keepTogether(serving, spare);
    // The other worker may be in the middle of a bake; what one state takes, its equal takes too.
    this.#applied = await serving;
    this.#schedule();
    return this.#applied;
  }

  async replace(snapshot: VersionedState): Promise<StateVersion> {
    this.#checkRoom();
    const [serving, spare] = [this.#serving.replace(snapshot), this.#spare.replace(snapshot)];
    this.#keepTogether(serving, spare);
    const [version] = await Promise.all([serving, spare]);
    this.#applied = version;
    // A bake that began earlier does not have the snapshot.
    await this.#baking;
    await this.#startBake();
    return version;
  }

  async scrub(): Promise<void> {
    this.#checkOpen();
    const startedMs = this.#clock.monotonicMs();
    await Promise.all([this.#serving.scrub(), this.#spare.scrub()]);
    this.#checkOpen();
    if (this.#bakeStartedMs >= startedMs) return;
    // The graph that answers was made before the check: one of what was checked takes its place.
    await this.#baking;
    await this.#startBake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end(new SessionClosedError());
  }

  get #slowestBakeMs(): number {
    return Math.max(...this.#bakesMs);
  }

  get #bakeEveryMs(): number {
    return this.#askedEveryMs ?? defaultBakeEveryMs(this.#slowestBakeMs);
  }

  /** Plans the next bake, unless one is planned or going on, or would change nothing. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#baking !== null || this.#ended !== null) return;
    const [{ fingerprint, version }, answering] = [this.#applied, this.#answering];
    if (fingerprint === answering.fingerprint && version === answering.version) return;
    const dueMs = this.#bakeStartedMs + this.#bakeEveryMs;
    const waitMs = Math.max(0, dueMs - this.#clock.monotonicMs());
    this.#timer = setTimeout(() => void this.#startBake(), waitMs);
    // In Node a bake must not keep the process alive; in browsers timers are numbers.
    if (typeof this.#timer === "object") this.#timer.unref();
  }

  /** The bake that goes on, or a new one. Rejects as it fails; the session then ends. */
  #startBake(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#baking !== null) return this.#baking;
    const baking = this.#bake();
    this.#baking = baking;
    baking.then(
      () => {
        this.#baking = null;
        this.#schedule();
      },
      (error: unknown) => void this.#end(error instanceof Error ? error : new Error(String(error))),
    );
    return baking;
  }

  async #bake(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    this.#bakeStartedMs = startedMs;
    const [baked, old] = [this.#spare, this.#serving];
    this.#answering = await baked.bake(this.#rows);
    [this.#serving, this.#spare] = [baked, old];
    const bakeMs = this.#clock.monotonicMs() - startedMs;
    this.#bakesMs = [...this.#bakesMs, bakeMs].slice(-BAKES_REMEMBERED);
    // After the predictions that it still has to answer.
    void old.rest().catch(() => undefined);
  }

  /** Ends the session if one worker takes what the other refuses: they would drift apart. */
  #keepTogether(one: Promise<StateVersion>, other: Promise<StateVersion>): void {
    void Promise.allSettled([one, other]).then(([first, second]) => {
      if (first.status === second.status) return;
      void this.#end(new WorkerCrashedError("the two copies of its state differ"));
    });
  }

  #checkOpen(): void {
    if (this.#ended !== null) throw this.#ended;
  }

  #checkRoom(): void {
    this.#checkOpen();
    // Both before either is asked: an update must reach both or none.
    this.#serving.checkRoom();
    this.#spare.checkRoom();
  }

  #end(reason: Error): Promise<void> {
    clearTimeout(this.#timer);
    this.#ended ??= reason;
    this.#closing ??= Promise.all([this.#serving.end(reason), this.#spare.end(reason)]).then(
      () => undefined,
    );
    return this.#closing;
  }
}
