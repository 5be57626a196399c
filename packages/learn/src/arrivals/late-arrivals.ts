import type { Sample } from "@everfresh/core";
import { delayedLabels, type LabelEvent, type LabelStats } from "@everfresh/streams";
import type { ClassBaselines } from "../evaluate/baselines.ts";
import { paced } from "../pace.ts";
import type { Arrivals, Tested, Wanted } from "./arrivals.ts";
import type { ArrivalsOptions, LaggingLabels } from "./arrivals-options.ts";
import { ComingTimes } from "./coming-times.ts";
import { Inbox } from "./inbox.ts";
import { arrivedLabels, storeJoined, testJoined } from "./joined-samples.ts";
import { LateWatch, type Taken, type Turn } from "./late-watch.ts";
import { predictionsOf } from "./predictions.ts";

/**
 * Arrivals whose labels come late. Every sample is predicted when it arrives, and that is stored before
 * anything else is done; its label scores this prediction, never a newer one. Position n of the history
 * is the n-th sample that got its label. Whenever the process dies, what the labels have joined is what
 * the history goes on with.
 */
export class LateArrivals implements Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #late: LaggingLabels;
  readonly #inbox: Inbox<Turn>;
  readonly #times = new ComingTimes();
  /** What is known of labels when a sample arrives: more than what was scored. */
  readonly #baselines: ClassBaselines;
  /** Null where drift is not watched. */
  readonly #watch: LateWatch | null;

  private constructor(
    options: ArrivalsOptions,
    late: LaggingLabels,
    { baselines, watch }: { baselines: ClassBaselines; watch: LateWatch | null },
  ) {
    this.#options = options;
    this.#late = late;
    this.#baselines = baselines;
    this.#watch = watch;
    this.#inbox = new Inbox(turnsOf(options, late), options);
  }

  /** Goes on where a process ended, and reads the source from now on. */
  static async open(options: ArrivalsOptions, late: LaggingLabels): Promise<LateArrivals> {
    const { drift, history } = options;
    const baselines = await arrivedLabels(options, late);
    const watch = drift === undefined ? null : await LateWatch.open(drift, options, late);
    const arrivals = new LateArrivals(options, late, { baselines, watch });
    await storeJoined(history, late.join);
    return arrivals;
  }

  get isOver(): boolean {
    return this.#inbox.isOver;
  }

  get waiting(): number {
    return this.#inbox.waiting;
  }

  cameAtMs(position: number): number | null {
    return this.#times.at(position);
  }

  async receive({ least, most, waitMs }: Wanted): Promise<void> {
    const { history, signal, clock } = this.#options;
    await this.#inbox.filled(least, waitMs);
    if (signal.aborted) return;
    const turns = this.#inbox.take(most, least).map(({ item }) => item);
    if (turns.length === 0) return;
    const { events, inputs } = await this.#eventsOf(turns);
    const before = this.#late.join.stats();
    await this.#late.join.take(events);
    await this.#watch?.now(turns, { events, inputs, before });
    const position = history.count();
    await storeJoined(history, this.#late.join);
    // A sample is new when its label has come.
    const nowMs = clock.monotonicMs();
    for (let at = position; at < history.count(); at++) this.#times.came(at, nowMs);
  }

  test(from: number, to: number): Promise<Tested> {
    return testJoined(this.#options.evaluation, this.#late.join, { from, to });
  }

  async tested(to: number): Promise<void> {
    await this.#late.join.release(to);
    await this.#options.source.release?.(this.#readAgainFrom());
  }

  async watch(to: number): Promise<void> {
    await this.#watch?.past(to);
  }

  /** What is watched is read again from source and join. */
  get kept(): number {
    return 0;
  }

  /** Predictions are given up in their order, so those that were are before it, as a rule. */
  positionOf(sequence: number): number {
    const { expiredByAge, expiredByRoom } = this.#late.join.stats();
    return Math.max(0, sequence - expiredByAge - expiredByRoom);
  }

  labels(): LabelStats {
    return this.#late.join.stats();
  }

  /** Samples of the source below this are not read again, also if the process ends now. */
  #readAgainFrom(): number {
    const { join, lagSamples } = this.#late;
    const { predicted } = join.stats();
    const { watched = predicted } = this.#options.drift ?? {};
    return Math.max(0, Math.min(predicted, watched) - lagSamples);
  }

  /** What a join is told of: every sample with its prediction of now, and the labels. */
  async #eventsOf(turns: readonly Turn[]): Promise<Pick<Taken, "events" | "inputs">> {
    const { version } = this.#options.states();
    const samples = turns.flatMap(({ sample }) => (sample === null ? [] : [sample]));
    const first = this.#late.join.stats().predicted;
    const predictions = await predictionsOf(samples, this.#options, first);
    const outputs = new Map(samples.map(({ id }, i) => [id, predictions.outputs[i]]));
    const events = turns.flatMap(({ sample, labels }): readonly LabelEvent[] => {
      const predicted = sample === null ? [] : [this.#predicted(sample, version, outputs)];
      // Only now: a sample's own label comes after it, and so do those that come with it.
      for (const { label } of labels) this.#baselines.learn(label);
      return [...predicted, ...labels.map((label) => ({ kind: "labelled" as const, label }))];
    });
    return { events, inputs: predictions.inputs };
  }

  #predicted(
    { id, eventTimeMs, features }: Sample,
    version: number,
    outputs: ReadonlyMap<string, Float32Array | undefined>,
  ): LabelEvent {
    const answers = this.#baselines.predict();
    const own = outputs.get(id) ?? new Float32Array(0);
    const prediction = { id, version, eventTimeMs, features, outputs: own, ...answers };
    return { kind: "predicted", prediction };
  }
}

/**
 * The turns that are still to come. Samples that were predicted before the process began are read once
 * more where their labels are still out, but do not arrive again.
 */
async function* turnsOf(
  { source, pace, signal }: ArrivalsOptions,
  { join, lagSamples }: LaggingLabels,
): AsyncGenerator<Turn, void, void> {
  const { predicted } = join.stats();
  const known = Math.min(predicted, lagSamples);
  const read = source.read({ from: predicted - known, signal });
  const samples =
    pace === undefined ? read : afterFirst(known, read, (rest) => paced(rest, pace, signal));
  let seen = 0;
  let latest: Sample | null = null;
  for await (const event of delayedLabels(samples, lagSamples)) {
    if (event.kind === "label") {
      const { id, label } = event;
      yield { sample: latest, labels: [{ id, label }] };
      latest = null;
      continue;
    }
    seen++;
    // From here on every sample is followed by a label, and they make one turn.
    if (seen > lagSamples) latest = event.sample;
    else if (seen > known) yield { sample: event.sample, labels: [] };
  }
}

/** The first items as they are, the others through `then`. */
async function* afterFirst<Item>(
  count: number,
  items: AsyncIterable<Item>,
  then: (rest: AsyncIterable<Item>) => AsyncIterable<Item>,
): AsyncGenerator<Item, void, void> {
  const iterator = items[Symbol.asyncIterator]();
  for (let i = 0; i < count; i++) {
    const next = await iterator.next();
    if (next.done === true) return;
    yield next.value;
  }
  yield* then({ [Symbol.asyncIterator]: () => iterator });
}
