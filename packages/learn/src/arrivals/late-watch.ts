import type { Sample } from "@everfresh/core";
import type { LabelEvent, LabelStats } from "@everfresh/streams";
import type { DriftWatch } from "../drift/monitor/drift-watch.ts";
import type { ArrivalsOptions, LaggingLabels } from "./arrivals-options.ts";
import { type PastTurn, pastTurns } from "./past-turns.ts";

/** A sample that arrives, and the labels that arrive right after it; without a sample at the end. */
export interface Turn {
  readonly sample: Sample | null;
  readonly labels: readonly { readonly id: string; readonly label: number }[];
}

/** What a join was told of, and its counts before that. */
export interface Taken {
  readonly events: readonly LabelEvent[];
  /** As of `Predictions`, of the samples among them. */
  readonly inputs: readonly Float32Array[];
  readonly before: LabelStats;
}

/** What a {@link LateWatch} begins with. */
interface LateWatchParts {
  readonly out: Set<number>;
  readonly past: AsyncIterator<PastTurn, void, void>;
  readonly session: ArrivalsOptions["session"];
}

/** Lets drift be watched where labels come late: each sample at once, each label when it comes. */
export class LateWatch {
  readonly #drift: DriftWatch;
  readonly #late: LaggingLabels;
  readonly #session: ArrivalsOptions["session"];
  /** Numbers of the samples whose labels are out, ascending. */
  readonly #out: Set<number>;
  /** The next sample has this number. */
  #next: number;
  /** What came before the process began and was not watched in yet; null when nothing is left. */
  #past: AsyncIterator<PastTurn, void, void> | null;
  #nextPast: PastTurn | null = null;

  private constructor(
    drift: DriftWatch,
    late: LaggingLabels,
    { out, past, session }: LateWatchParts,
  ) {
    this.#drift = drift;
    this.#session = session;
    this.#late = late;
    this.#out = out;
    this.#next = late.join.stats().predicted;
    this.#past = past;
  }

  /** Finds out what came before the process began. */
  static async open(
    drift: DriftWatch,
    options: ArrivalsOptions,
    late: LaggingLabels,
  ): Promise<LateWatch> {
    const predicted = late.join.stats().predicted;
    const pending = await late.join.pending(0);
    const out = new Set(pending.map(({ sequence }) => sequence));
    const stored = pending.map(({ id, version, outputs }) => ({ id, version, outputs }));
    const past = pastTurns(options, late, { from: drift.watched, predicted, pending: stored });
    return new LateWatch(drift, late, { out, past, session: options.session });
  }

  /** As of {@link Arrivals.watch}. */
  async past(to: number): Promise<void> {
    while (this.#past !== null) {
      const turn = this.#nextPast ?? (await this.#past.next()).value ?? null;
      if (turn === null) this.#past = null;
      const isLater = turn !== null && turn.number >= to;
      this.#nextPast = isLater ? turn : null;
      if (turn === null || isLater) return;
      const { number, prediction, labels } = turn;
      const samples = prediction === null ? [] : [prediction.sample];
      const [look] = await this.#drift.look(number, samples, { session: this.#session });
      this.#drift.turn(number, prediction, labels, look);
    }
  }

  /** What the join has just taken in. */
  async now(turns: readonly Turn[], { events, inputs, before }: Taken): Promise<void> {
    const { join, lagSamples } = this.#late;
    this.#giveUp(before);
    const outputs = new Map(
      events.flatMap((event) =>
        event.kind === "predicted" ? [[event.prediction.id, event.prediction] as const] : [],
      ),
    );
    const newest = await join.joined(before.joined, join.joinedCount());
    const joined = new Map(newest.map((each) => [each.id, each]));
    const samples = turns.flatMap(({ sample }) => (sample === null ? [] : [sample]));
    const session = this.#session;
    const looks = [...(await this.#drift.look(this.#next, samples, { session, inputs }))];
    for (const { sample, labels } of turns) {
      if (sample !== null) this.#out.add(this.#next++);
      const watched = labels.flatMap(({ id }) => {
        const met = joined.get(id);
        if (met === undefined) return [];
        const sequence = this.#next - 1 - met.lagSamples;
        this.#out.delete(sequence);
        return [{ sequence, label: met.label, outputs: met.outputs }];
      });
      const prediction = sample === null ? undefined : outputs.get(sample.id);
      const [first] = watched;
      const alone = first === undefined ? this.#drift.watched : first.sequence + lagSamples;
      this.#drift.turn(
        sample === null ? alone : this.#next - 1,
        sample === null || prediction === undefined ? null : { sample, ...prediction },
        watched,
        sample === null ? undefined : looks.shift(),
      );
    }
  }

  /** Predictions are given up in their order. */
  #giveUp({ expiredByAge, expiredByRoom }: LabelStats): void {
    const stats = this.#late.join.stats();
    let expired = stats.expiredByAge + stats.expiredByRoom - expiredByAge - expiredByRoom;
    for (const sequence of this.#out) {
      if (expired-- <= 0) return;
      this.#out.delete(sequence);
      this.#drift.expired(sequence);
    }
  }
}
