/**
 * Labels in the order in which their samples were predicted, though they come in any:
 *
 *   sequences   … 41 42 43 44 45 46 47 …      41 and 42 have been given on; 43 is awaited; 44 and 46
 *   state          ✓  ✓  …  ■  …  ■  …        have labels, which wait for 43
 *
 * The wait for a label ends when it comes, when it is given up, or when too many others wait for it.
 */

/** A label, and what is to be known of it when its turn has come. */
export interface OrderedLabel {
  readonly sequence: number;
  readonly values: readonly number[];
}

/** What became of a label or an expiry. */
export type OrderedFate = "taken" | "waits" | "duplicate" | "tooLate" | "unknown";

const STATES = { unknown: 0, awaited: 1, held: 2, givenUp: 3, done: 4 } as const;

/** Sequences that are remembered, the newest: an older label is unknown. */
const WINDOW = 2 ** 17;

/** Puts labels in order. */
export class LabelOrder {
  readonly #heldMax: number;
  /** By sequence modulo the window. */
  readonly #states = new Uint8Array(WINDOW);
  readonly #held = new Map<number, readonly number[]>();
  /** The first sequence that was not given on, and the one after the last that was predicted. */
  #head = 0;
  #end = 0;
  /** Labels that waited, and samples that were passed over, ever. */
  #reordered = 0;
  #passedOver = 0;

  /** @param heldMax labels that wait for others at most */
  constructor(heldMax: number) {
    this.#heldMax = heldMax;
  }

  /** Labels that had to wait for that of an earlier sample, ever. */
  get reordered(): number {
    return this.#reordered;
  }

  /** Samples whose label is not waited for any more, ever. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** A sample was predicted; its sequence is above all before. */
  predicted(sequence: number): void {
    if (this.#end === 0 || sequence - this.#end >= WINDOW) {
      this.#forget(this.#head, this.#end);
      this.#states.fill(STATES.unknown);
      this.#head = sequence;
    } else {
      // What falls out of the window has waited for too long.
      this.#forget(this.#head, Math.max(this.#head, sequence + 1 - WINDOW));
      for (let at = this.#end; at < sequence; at++) this.#states[at % WINDOW] = STATES.unknown;
    }
    this.#states[sequence % WINDOW] = STATES.awaited;
    this.#end = sequence + 1;
  }

  /** A label has come. */
  labelled({ sequence, values }: OrderedLabel): OrderedFate {
    const state = this.#stateOf(sequence);
    if (state === STATES.unknown) return "unknown";
    if (state === STATES.givenUp) return "tooLate";
    if (state !== STATES.awaited) return "duplicate";
    this.#states[sequence % WINDOW] = STATES.held;
    this.#held.set(sequence, values);
    this.#skip();
    if (sequence === this.#head) return "taken";
    this.#reordered++;
    return "waits";
  }

  /** A label will not come. */
  expired(sequence: number): OrderedFate {
    const state = this.#stateOf(sequence);
    if (state === STATES.unknown) return "unknown";
    if (state !== STATES.awaited) return "duplicate";
    this.#states[sequence % WINDOW] = STATES.givenUp;
    return "taken";
  }

  /** The next label whose turn it is, or null. */
  next(): OrderedLabel | null {
    for (;;) {
      this.#skip();
      if (this.#head >= this.#end) return null;
      const sequence = this.#head;
      const values = this.#held.get(sequence);
      if (values !== undefined) {
        this.#held.delete(sequence);
        this.#states[sequence % WINDOW] = STATES.done;
        this.#head++;
        return { sequence, values };
      }
      if (this.#held.size <= this.#heldMax) return null;
      this.#passOver(sequence);
      this.#head++;
    }
  }

  /** All that is remembered: states as runs, and what waits. */
  numbers(): readonly number[] {
    const from = Math.max(0, this.#end - WINDOW);
    const runs: number[] = [];
    for (let at = from; at < this.#end; at++) {
      const state = this.#states[at % WINDOW] ?? 0;
      const last = runs.length - 2;
      if (last >= 0 && runs[last] === state) runs[last + 1] = (runs[last + 1] ?? 0) + 1;
      else runs.push(state, 1);
    }
    const held = [...this.#held].flatMap(([sequence, values]) => [
      sequence,
      values.length,
      ...values,
    ]);
    const own = [this.#head, this.#end, this.#reordered, this.#passedOver];
    return [...own, runs.length / 2, ...runs, this.#held.size, ...held];
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    const [head = 0, end = 0, reordered = 0, passedOver = 0, runs = 0] = numbers;
    [this.#head, this.#end, this.#reordered, this.#passedOver] = [head, end, reordered, passedOver];
    this.#states.fill(STATES.unknown);
    this.#held.clear();
    let at = Math.max(0, end - WINDOW);
    for (let i = 0; i < runs; i++) {
      const until = at + Math.min(WINDOW, numbers[6 + 2 * i] ?? 0);
      for (; at < until; at++) this.#states[at % WINDOW] = numbers[5 + 2 * i] ?? 0;
    }
    let read = 5 + 2 * runs;
    const held = numbers[read++] ?? 0;
    for (let i = 0; i < held && read < numbers.length; i++) {
      const [sequence = 0, length = 0] = numbers.slice(read, read + 2);
      this.#held.set(sequence, numbers.slice(read + 2, read + 2 + length));
      read += 2 + length;
    }
  }

  #stateOf(sequence: number): number {
    if (!(sequence < this.#end && sequence >= this.#end - WINDOW)) return STATES.unknown;
    return this.#states[sequence % WINDOW] ?? STATES.unknown;
  }

  /** Leaves behind what needs no turn. */
  #skip(): void {
    while (this.#head < this.#end) {
      const state = this.#states[this.#head % WINDOW];
      if (state === STATES.awaited || state === STATES.held) return;
      this.#head++;
    }
  }

  /** Leaves behind what is in [from, to), whether or not it waits. */
  #forget(from: number, to: number): void {
    for (let sequence = from; sequence < Math.min(to, this.#end); sequence++) {
      const state = this.#states[sequence % WINDOW];
      if (state === STATES.awaited || state === STATES.held) this.#passOver(sequence);
    }
    this.#head = to;
  }

  #passOver(sequence: number): void {
    this.#held.delete(sequence);
    this.#states[sequence % WINDOW] = STATES.givenUp;
    this.#passedOver++;
  }
}
