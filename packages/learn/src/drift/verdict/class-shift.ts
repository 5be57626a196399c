import type { MovedPart } from "@everfresh/core";

/** The newest values that are compared with those before them. */
const RECENT = 200;
/** Fewer values of a class than this, on either side, say nothing of it. */
const VALUES_MIN = 5;

/** Mean values before the newest ones, and of these. */
export interface MeanShift {
  readonly before: number;
  readonly recent: number;
}

/** In which classes the mean of a signal's values has moved: for explanations only. */
export class ClassShift {
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  /** A ring of class and value. */
  readonly #recent = new Float64Array(2 * RECENT);
  #taken = 0;

  /** @param classes how many there are; a value of any other class counts for none */
  constructor(classes: number) {
    this.#counts = new Float64Array(classes);
    this.#sums = new Float64Array(classes);
  }

  /** Takes a finite value in. */
  add(value: number, ofClass: number): void {
    const at = 2 * (this.#taken++ % RECENT);
    if (this.#taken > RECENT) this.#count(this.#recent[at] ?? 0, this.#recent[at + 1] ?? 0);
    const isKnown = ofClass >= 0 && ofClass < this.#counts.length;
    this.#recent[at] = isKnown ? ofClass : -1;
    this.#recent[at + 1] = value;
  }

  /** The means over all classes; null before there are values on either side. */
  mean(): MeanShift | null {
    const before = total(this.#counts);
    const recent = Math.min(RECENT, this.#taken);
    if (before < VALUES_MIN || recent < VALUES_MIN) return null;
    let sum = 0;
    for (let i = 0; i < recent; i++) sum += this.#recent[2 * i + 1] ?? 0;
    return { before: total(this.#sums) / before, recent: sum / recent };
  }

  /** Classes by how surely their mean has moved, at most `most` of them, and by how much. */
  moved(names: readonly string[], most: number): readonly MovedPart[] {
    const counts = new Float64Array(this.#counts.length);
    const sums = new Float64Array(this.#counts.length);
    for (let i = 0; i < Math.min(RECENT, this.#taken); i++) {
      const ofClass = this.#recent[2 * i] ?? -1;
      if (ofClass < 0) continue;
      counts[ofClass] = (counts[ofClass] ?? 0) + 1;
      sums[ofClass] = (sums[ofClass] ?? 0) + (this.#recent[2 * i + 1] ?? 0);
    }
    const all = { count: total(this.#counts), sum: total(this.#sums) };
    return [...counts.keys()]
      .flatMap((i) => {
        const own = { count: this.#counts[i] ?? 0, sum: this.#sums[i] ?? 0 };
        // A class that did not come before is held against all that did.
        const before = own.count < VALUES_MIN ? all : own;
        const count = counts[i] ?? 0;
        if (count < VALUES_MIN || before.count < VALUES_MIN) return [];
        const value = (sums[i] ?? 0) / count - before.sum / before.count;
        const name = names[i] ?? `class ${i}`;
        return [{ name, value, weight: Math.abs(value) * Math.sqrt(count) }];
      })
      .filter(({ weight }) => weight > 0)
      .sort((left, right) => right.weight - left.weight)
      .slice(0, most)
      .map(({ name, value }) => ({ name, value }));
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    const kept = this.#recent.subarray(0, 2 * Math.min(RECENT, this.#taken));
    return [this.#taken, ...this.#counts, ...this.#sums, ...kept];
  }

  /** Takes what {@link numbers} gave from the front; returns the rest. */
  remember(numbers: readonly number[]): readonly number[] {
    const classes = this.#counts.length;
    this.#taken = numbers[0] ?? 0;
    this.#counts.set(numbers.slice(1, 1 + classes));
    this.#sums.set(numbers.slice(1 + classes, 1 + 2 * classes));
    const from = 1 + 2 * classes;
    const end = from + 2 * Math.min(RECENT, this.#taken);
    this.#recent.set(numbers.slice(from, end));
    return numbers.slice(end);
  }

  /** Forgets everything. */
  reset(): void {
    this.#counts.fill(0);
    this.#sums.fill(0);
    this.#taken = 0;
  }

  #count(ofClass: number, value: number): void {
    if (ofClass < 0) return;
    this.#counts[ofClass] = (this.#counts[ofClass] ?? 0) + 1;
    this.#sums[ofClass] = (this.#sums[ofClass] ?? 0) + value;
  }
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
