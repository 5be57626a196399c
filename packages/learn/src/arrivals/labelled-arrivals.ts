import type { Sample } from "@everfresh/core";
import { isErased } from "@everfresh/streams";
import { paced } from "../pace.ts";
import type { Arrivals, Tested, Wanted } from "./arrivals.ts";
import type { ArrivalsOptions } from "./arrivals-options.ts";
import { ComingTimes } from "./coming-times.ts";
import { Inbox } from "./inbox.ts";
import { predictionsOf } from "./predictions.ts";

/** Arrivals whose labels come along: position n of the history is sample n of the source. */
export class LabelledArrivals implements Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #inbox: Inbox<Sample>;
  readonly #times = new ComingTimes();

  /** Reads the source from now on, from where the history ends. */
  constructor(options: ArrivalsOptions) {
    const { source, history, pace, signal } = options;
    const fresh = source.read({ from: history.count(), signal });
    this.#options = options;
    this.#inbox = new Inbox(pace === undefined ? fresh : paced(fresh, pace, signal), options);
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
    const { history, signal, source } = this.#options;
    await this.#inbox.filled(least, waitMs);
    if (signal.aborted) return;
    const received = this.#inbox.take(most, least);
    if (received.length === 0) return;
    const position = history.count();
    await history.append(received.map(({ item }) => item));
    await source.release?.(history.count());
    received.forEach(({ atMs }, i) => this.#times.came(position + i, atMs));
  }

  async test(from: number, to: number): Promise<Tested> {
    const { history, evaluation, drift, session, states } = this.#options;
    const { version } = states();
    const samples = await history.range(from, to);
    const predictions = await predictionsOf(samples, this.#options, from);
    const looks = await drift?.look(from, samples, { session, inputs: predictions.inputs });
    const hits = samples.flatMap((sample, i) => {
      if (isErased(sample)) {
        drift?.turn(from + i, null, []);
        return [];
      }
      const { label } = sample;
      const outputs = predictions.outputs[i] ?? new Float32Array(0);
      const sequence = from + i;
      const prediction = { sample, version, outputs };
      drift?.turn(sequence, prediction, [{ sequence, label, outputs }], looks?.[i]);
      return [evaluation.record({ label, outputs })];
    });
    return { count: hits.length, right: hits.filter(({ trained }) => trained).length };
  }

  /** Where labels come along, samples are watched as they are tested. */
  watch(): Promise<void> {
    return Promise.resolve();
  }

  get kept(): number {
    return 0;
  }

  positionOf(sequence: number): number {
    return sequence;
  }

  tested(): Promise<void> {
    return Promise.resolve();
  }

  labels(): null {
    return null;
  }
}
