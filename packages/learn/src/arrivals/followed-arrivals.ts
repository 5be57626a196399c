import { assert } from "@everfresh/core";
import type { Arrival, Following, LabelEvent, LabelStats } from "@everfresh/streams";
import type { ClassBaselines } from "../evaluate/baselines.ts";
import { paced } from "../pace.ts";
import type { Arrivals, Tested, Wanted } from "./arrivals.ts";
import type { ArrivalsOptions, FollowingLabels } from "./arrivals-options.ts";
import { ComingTimes } from "./coming-times.ts";
import { FollowedWatch } from "./followed-watch.ts";
import { Inbox } from "./inbox.ts";
import { arrivedLabels, storeJoined, testJoined } from "./joined-samples.ts";
import { likelyPosition } from "./likely-position.ts";
import { predictionsOf } from "./predictions.ts";

/** Turns kept for a checkpoint, beyond which nothing more arrives: a retraining runs for long. */
const KEPT_MAX = 65_536;

/** How long to wait for that checkpoint before looking again. */
const LOOK_AGAIN_MS = 20;

/**
 * Arrivals whose labels come by themselves, if they come: each from somebody who knows the id of its
 * sample. Samples and labels are taken in in the order in which they came, and how far is stored with
 * what follows from them; all else is as of late labels.
 */
export class FollowedArrivals implements Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #late: FollowingLabels;
  readonly #following: Following;
  readonly #inbox: Inbox<Arrival>;
  readonly #times = new ComingTimes();
  /** What is known of labels when a sample arrives: more than what was scored. */
  readonly #baselines: ClassBaselines;
  /** Null where drift is not watched. */
  readonly #watch: FollowedWatch | null;

  private constructor(
    options: ArrivalsOptions,
    late: FollowingLabels,
    { following, baselines }: { following: Following; baselines: ClassBaselines },
  ) {
    const { drift, session, pace, signal } = options;
    this.#options = options;
    this.#late = late;
    this.#following = following;
    this.#baselines = baselines;
    this.#watch = drift === undefined ? null : new FollowedWatch(drift, late.join, session);
    const arrivals = following.read({ from: late.join.cursor(), signal });
    this.#inbox = new Inbox(pace === undefined ? arrivals : paced(arrivals, pace, signal), options);
  }

  /** Goes on where a process ended, and reads the source from now on. */
  static async open(options: ArrivalsOptions, late: FollowingLabels): Promise<FollowedArrivals> {
    const { following } = options.source;
    assert(following !== undefined, "labels follow by themselves where the source says how");
    const baselines = await arrivedLabels(options, late);
    await storeJoined(options.history, late.join);
    return new FollowedArrivals(options, late, { following, baselines });
  }

  get isOver(): boolean {
    return this.#inbox.isOver;
  }

  get waiting(): number {
    return this.#inbox.waiting;
  }

  get kept(): number {
    const { count, released } = this.#late.join.turns();
    return count - released;
  }

  cameAtMs(position: number): number | null {
    return this.#times.at(position);
  }

  async receive({ most, waitMs }: Wanted): Promise<void> {
    const { history, signal, clock, source, sleep, drift } = this.#options;
    const { join } = this.#late;
    if (this.kept > KEPT_MAX) return sleep(waitMs ?? LOOK_AGAIN_MS, signal);
    // A sample is predicted as soon as it is there, however many labels a step is to have.
    await this.#inbox.filled(1, waitMs);
    if (signal.aborted) return;
    // What comes behind the last label that a step has room for is predicted after that step.
    const received = this.#inbox.takeCounting(most, ({ kind }) => kind === "label");
    const last = received.at(-1);
    if (last === undefined) return;
    const cursor = last.item.place + 1;
    const events = await this.#eventsOf(received.map(({ item }) => item));
    await join.take(events, { cursor, keepTurns: drift !== undefined });
    await source.release?.(cursor);
    await this.#watch?.past(Infinity);
    const position = history.count();
    await storeJoined(history, join);
    // A sample is new when its label has come.
    const nowMs = clock.monotonicMs();
    for (let at = position; at < history.count(); at++) this.#times.came(at, nowMs);
  }

  test(from: number, to: number): Promise<Tested> {
    return testJoined(this.#options.evaluation, this.#late.join, { from, to });
  }

  async watch(to: number): Promise<void> {
    await this.#watch?.past(to);
  }

  async tested(to: number): Promise<void> {
    const { join } = this.#late;
    await join.release(to);
    await join.releaseTurns(this.#options.drift?.watched ?? join.turns().count);
  }

  positionOf(sequence: number): number {
    return likelyPosition(this.#late.join, sequence);
  }

  labels(): LabelStats {
    return { ...this.#late.join.stats(), ...this.#following.counts() };
  }

  /** What a join is told of: every sample with its prediction of now, and the labels. */
  async #eventsOf(arrivals: readonly Arrival[]): Promise<readonly LabelEvent[]> {
    const { states } = this.#options;
    const { version } = states();
    const samples = arrivals.flatMap((arrival) =>
      arrival.kind === "sample" ? [arrival.sample] : [],
    );
    const { predicted } = this.#late.join.stats();
    const outputs = [...(await predictionsOf(samples, this.#options, predicted)).outputs];
    return arrivals.map((arrival): LabelEvent => {
      const { atMs } = arrival;
      if (arrival.kind === "label") {
        const { id, label } = arrival;
        this.#baselines.learn(label);
        return { kind: "labelled", label: { id, label }, atMs };
      }
      const own = outputs.shift() ?? new Float32Array(0);
      const prediction = { ...arrival.sample, version, outputs: own, ...this.#baselines.predict() };
      return { kind: "predicted", prediction, atMs };
    });
  }
}
