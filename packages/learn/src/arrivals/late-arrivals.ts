import type { Sample } from "@everfresh/core";
import {
  delayedLabels,
  type JoinedPrediction,
  type LabelEvent,
  type LabelStats,
} from "@everfresh/streams";
import { ClassBaselines } from "../evaluate/baselines.ts";
import { paced } from "../pace.ts";
import type { Arrivals, Wanted } from "./arrivals.ts";
import type { ArrivalsOptions, LateLabels } from "./arrivals-options.ts";
import { ComingTimes } from "./coming-times.ts";
import { Inbox } from "./inbox.ts";
import { predictionsOf } from "./predictions.ts";

/** Joined predictions read at once: bounds the memory that it takes. */
const JOINED_AT_ONCE = 256;

/** A sample that arrives, and the labels that arrive right after it; without a sample at the end. */
interface Turn {
  readonly sample: Sample | null;
  readonly labels: readonly { readonly id: string; readonly label: number }[];
}

/**
 * Arrivals whose labels come late. Every sample is predicted when it arrives, and that is stored before
 * anything else is done; its label scores this prediction, never a newer one. Position n of the history
 * is the n-th sample that got its label. Whenever the process dies, what the labels have joined is what
 * the history goes on with.
 */
export class LateArrivals implements Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #late: LateLabels;
  readonly #inbox: Inbox<Turn>;
  readonly #times = new ComingTimes();
  /** What is known of labels when a sample arrives: more than what was scored. */
  readonly #baselines: ClassBaselines;

  private constructor(options: ArrivalsOptions, late: LateLabels, baselines: ClassBaselines) {
    this.#options = options;
    this.#late = late;
    this.#baselines = baselines;
    this.#inbox = new Inbox(turnsOf(options, late), options);
  }

  /** Goes on where a process ended, and reads the source from now on. */
  static async open(options: ArrivalsOptions, late: LateLabels): Promise<LateArrivals> {
    const { evaluation, testedFrom } = options;
    const baselines = new ClassBaselines(evaluation.classes, evaluation.baselines);
    for await (const { label } of joinedPredictions(late, testedFrom, late.join.joinedCount())) {
      baselines.learn(label);
    }
    const arrivals = new LateArrivals(options, late, baselines);
    await arrivals.#store();
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
    await this.#late.join.take(await this.#eventsOf(turns));
    const position = history.count();
    await this.#store();
    // A sample is new when its label has come.
    const nowMs = clock.monotonicMs();
    for (let at = position; at < history.count(); at++) this.#times.came(at, nowMs);
  }

  async test(from: number, to: number): Promise<number> {
    const { evaluation } = this.#options;
    const hits = (await this.#late.join.joined(from, to)).map(
      ({ label, outputs, noChange, majority }) =>
        evaluation.record({ label, outputs, answers: { noChange, majority } }),
    );
    return hits.filter(({ trained }) => trained).length;
  }

  tested(to: number): Promise<void> {
    return this.#late.join.release(to);
  }

  labels(): LabelStats {
    return this.#late.join.stats();
  }

  /** What a join is told of: every sample with its prediction of now, and the labels. */
  async #eventsOf(turns: readonly Turn[]): Promise<readonly LabelEvent[]> {
    const { version } = this.#options.states();
    const samples = turns.flatMap(({ sample }) => (sample === null ? [] : [sample]));
    const predictions = await predictionsOf(samples, this.#options);
    const outputs = new Map(samples.map(({ id }, i) => [id, predictions[i]]));
    return turns.flatMap(({ sample, labels }): readonly LabelEvent[] => {
      const predicted = sample === null ? [] : [this.#predicted(sample, version, outputs)];
      // Only now: a sample's own label comes after it, and so do those that come with it.
      for (const { label } of labels) this.#baselines.learn(label);
      return [...predicted, ...labels.map((label) => ({ kind: "labelled" as const, label }))];
    });
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

  /** What has been joined goes on in the history. */
  async #store(): Promise<void> {
    const { history } = this.#options;
    const { join } = this.#late;
    while (history.count() < join.joinedCount()) {
      const from = history.count();
      const joined = await join.joined(from, Math.min(join.joinedCount(), from + JOINED_AT_ONCE));
      await history.append(
        joined.map(({ id, eventTimeMs, features, label }) => ({
          id,
          eventTimeMs,
          features,
          label,
        })),
      );
    }
  }
}

async function* joinedPredictions(
  { join }: LateLabels,
  from: number,
  to: number,
): AsyncGenerator<JoinedPrediction, void, void> {
  for (let at = from; at < to; at += JOINED_AT_ONCE) {
    yield* await join.joined(at, Math.min(to, at + JOINED_AT_ONCE));
  }
}

/**
 * The turns that are still to come. Samples that were predicted before the process began are read once
 * more where their labels are still out, but do not arrive again.
 */
async function* turnsOf(
  { source, pace, signal }: ArrivalsOptions,
  { join, lagSamples }: LateLabels,
): AsyncGenerator<Turn, void, void> {
  const { pending, joined, expiredByAge, expiredByRoom } = join.stats();
  const predicted = pending + joined + expiredByAge + expiredByRoom;
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
