/** Neighbours in the history: labels, and times in milliseconds since the Unix epoch. */
interface Slab {
  readonly isKnown: Uint8Array;
  readonly labels: Int32Array;
  readonly eventTimesMs: Float64Array;
}

/** Samples that get their memory, and are forgotten, together. */
const SLAB_SAMPLES = 256;

/** Remembers labels and event times of the newest samples of a history. */
export class RecentFacts {
  readonly #slabs: Map<number, Slab> = new Map<number, Slab>();
  readonly #slabsMax: number;

  /** @param samples how many, about: at least so many, at most 256 more */
  constructor(samples: number) {
    this.#slabsMax = samples === 0 ? 0 : Math.ceil(samples / SLAB_SAMPLES) + 1;
  }

  /** The label of a sample; null where it is not remembered. */
  labelAt(position: number): number | null {
    const slab = this.#slabs.get(Math.floor(position / SLAB_SAMPLES));
    const at = position % SLAB_SAMPLES;
    return slab?.isKnown[at] === 1 ? (slab.labels[at] ?? 0) : null;
  }

  /** The event time of a sample; null where it is not remembered. */
  eventTimeAt(position: number): number | null {
    const slab = this.#slabs.get(Math.floor(position / SLAB_SAMPLES));
    const at = position % SLAB_SAMPLES;
    return slab?.isKnown[at] === 1 ? (slab.eventTimesMs[at] ?? 0) : null;
  }

  /** Remembers a sample, unless all that there is room for are newer. */
  remember(
    position: number,
    { label, eventTimeMs }: { readonly label: number; readonly eventTimeMs: number },
  ): void {
    const slab = this.#slabFor(Math.floor(position / SLAB_SAMPLES));
    if (slab === null) return;
    const at = position % SLAB_SAMPLES;
    slab.isKnown[at] = 1;
    slab.labels[at] = label;
    slab.eventTimesMs[at] = eventTimeMs;
  }

  /** A slab that is there or has room; the oldest one makes it where there is none. */
  #slabFor(number: number): Slab | null {
    const known = this.#slabs.get(number);
    if (known !== undefined) return known;
    if (this.#slabs.size >= this.#slabsMax) {
      const oldest = Math.min(...this.#slabs.keys());
      if (number < oldest || this.#slabsMax === 0) return null;
      this.#slabs.delete(oldest);
    }
    const slab = {
      isKnown: new Uint8Array(SLAB_SAMPLES),
      labels: new Int32Array(SLAB_SAMPLES),
      eventTimesMs: new Float64Array(SLAB_SAMPLES),
    };
    this.#slabs.set(number, slab);
    return slab;
  }
}
