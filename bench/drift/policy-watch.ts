import {
  cloneState,
  DeployedState,
  type DriftVerdictReport,
  preprocessBatch,
  sizeOf,
} from "@everfresh/core";
import {
  type Detector,
  detectorOf,
  DriftWatch,
  type StrategyRun,
  type WatchedLabel,
} from "@everfresh/learn";
import type { StreamWatch, WatchedStream } from "../streams/row.ts";
import type { WatchSpec } from "./policies.ts";

/** What a strategy is told of a change. */
type Verdict = Parameters<StrategyRun["tell"]>[0];

/** Samples that the pinned state predicts at once. */
const PREDICTED_TOGETHER = 256;
/** A logit whose softmax is as good as 1. */
const SURE = 20;

/** A {@link StreamWatch} that counts what it says, and how long it takes. */
export interface PolicyWatch extends StreamWatch {
  /** Numbers of the newest samples when it said that the stream has changed. */
  readonly alarms: readonly number[];
  readonly microsPerUpdate: number;
}

/** The watch of a policy. */
export function policyWatchOf(spec: WatchSpec, watched: WatchedStream): PolicyWatch {
  return spec.kind === "detector"
    ? new ErrorWatch(detectorOf(spec.spec), watched)
    : new MonitorWatch(spec, watched);
}

/** A detector on the errors of the model that learns, in the order of prediction. */
class ErrorWatch implements PolicyWatch {
  readonly alarms: number[] = [];
  readonly #detector: Detector;
  readonly #base: number;
  readonly #clock = new UpdateClock();
  #scored: { readonly from: number; readonly hits: Uint8Array }[] = [];
  /** Number of the first sample of the present warning; null without one. */
  #warnedFrom: number | null = null;

  constructor(detector: Detector, { initial }: WatchedStream) {
    this.#detector = detector;
    this.#base = initial.length;
  }

  get microsPerUpdate(): number {
    return this.#clock.micros;
  }

  scored(from: number, hits: Uint8Array): void {
    this.#scored.push({ from, hits });
  }

  async arrived(number: number, run: StrategyRun): Promise<void> {
    const scored = this.#scored.splice(0);
    for (const { from, hits } of scored) {
      for (const [i, hit] of hits.entries()) {
        const verdict = this.#clock.time(1, () => this.#detector.update(1 - hit));
        if (verdict === "warning") this.#warnedFrom ??= from + i;
        else if (verdict === "stable") this.#warnedFrom = null;
        else await this.#alarm(from + i, number, run);
      }
    }
  }

  async #alarm(sample: number, number: number, run: StrategyRun): Promise<void> {
    this.alarms.push(number);
    const { changeAgo } = this.#detector.reading();
    // One that has no estimate has at best a warning that came before.
    const since = changeAgo === null ? (this.#warnedFrom ?? sample) : sample + 1 - changeAgo;
    this.#warnedFrom = null;
    await run.tell({ kind: "verdict", verdict: "drift", since: this.#base + since });
  }
}

/** The ensemble, fed as a run feeds it. */
class MonitorWatch implements PolicyWatch {
  readonly alarms: number[] = [];
  readonly #watched: WatchedStream;
  readonly #watch: DriftWatch;
  readonly #theta: DeployedState;
  readonly #clock = new UpdateClock();
  readonly #seen = new Set<number>();
  /** Logits of the pinned state for the samples from `#from` on. */
  #logits: Float32Array = new Float32Array(0);
  #from = 0;
  #pinned: unknown = null;
  /** Logits of the pinned state by sample, until its label is there. */
  readonly #answers = new Map<number, Float32Array>();
  #scored: WatchedLabel[] = [];
  #reports: DriftVerdictReport[] = [];

  constructor({ spec }: Extract<WatchSpec, { kind: "monitor" }>, watched: WatchedStream) {
    const { preprocessing, target, model, session, seed, initial } = watched;
    this.#watched = watched;
    this.#theta = new DeployedState(session.state, 0);
    const features = sizeOf(model.input.shape);
    this.#watch = new DriftWatch({
      ...{ spec, features, classes: target.count, seed, preprocessing },
      initial: cloneState(session.state, { shared: true }),
    });
    this.#watch.begin(0, initial.length);
    this.#watch.follow((report) => void this.#reports.push(report));
  }

  get microsPerUpdate(): number {
    return this.#clock.micros;
  }

  scored(from: number, hits: Uint8Array): void {
    const { stream, target } = this.#watched;
    hits.forEach((hit, i) => {
      const sequence = from + i;
      const label = stream[sequence]?.label ?? 0;
      const pinned = this.#answers.get(sequence) ?? new Float32Array(target.count);
      this.#answers.delete(sequence);
      // Of the model that learns it is only known whether it was right.
      const outputs = new Float32Array(3 * target.count);
      outputs[target.count + (hit === 1 ? label : (label + 1) % target.count)] = SURE;
      outputs.set(pinned, 2 * target.count);
      this.#scored.push({ sequence, label, outputs });
    });
  }

  async arrived(number: number, run: StrategyRun): Promise<void> {
    const { stream, target, initial } = this.#watched;
    const sample = stream[number];
    if (sample === undefined) return;
    const pinned = await this.#predicted(number);
    this.#answers.set(number, pinned);
    const outputs = new Float32Array(3 * target.count);
    outputs.set(pinned, 2 * target.count);
    const labels = this.#scored.splice(0);
    this.#clock.time(1, () => {
      this.#watch.turn(number, { sample, version: 0, outputs }, labels);
      this.#watch.trained(initial.length + run.labelled, this.#theta);
    });
    for (const report of this.#reports.splice(0)) {
      await run.tell(this.#eventOf(report, initial.length, number));
    }
  }

  /** What a strategy is told of a report; a drift counts as an alarm when it is seen first. */
  #eventOf({ record, verdict, since }: DriftVerdictReport, base: number, number: number): Verdict {
    const { id, outcome } = record ?? {};
    if (record?.verdict === "drift" && id !== undefined && !this.#seen.has(id)) {
      this.#seen.add(id);
      this.alarms.push(number);
    }
    return {
      kind: "verdict",
      verdict: record?.verdict ?? verdict,
      since: since === null ? null : base + since.sequence,
      ...(id === undefined || outcome === undefined ? {} : { record: id, outcome }),
    };
  }

  /** Logits of the pinned state for a sample. */
  async #predicted(number: number): Promise<Float32Array> {
    const { stream, preprocessing, session, target } = this.#watched;
    const state = this.#watch.pinned;
    const count = target.count;
    const isThere = state === this.#pinned && number < this.#from + this.#logits.length / count;
    if (!isThere) {
      const samples = stream.slice(number, number + PREDICTED_TOGETHER);
      const inputs = preprocessBatch(
        preprocessing,
        samples.map(({ features }) => features),
      );
      this.#logits = await session.predict(state, inputs, samples.length);
      [this.#from, this.#pinned] = [number, state];
    }
    const at = (number - this.#from) * count;
    return this.#logits.slice(at, at + count);
  }
}

/** Mean time of an update. */
class UpdateClock {
  #ms = 0;
  #updates = 0;

  get micros(): number {
    return this.#updates === 0 ? 0 : (1_000 * this.#ms) / this.#updates;
  }

  time<T>(updates: number, work: () => T): T {
    const startMs = performance.now();
    const result = work();
    this.#ms += performance.now() - startMs;
    this.#updates += updates;
    return result;
  }
}
