import type { DriftPosition } from "@everfresh/core";
import { ThinnedLog } from "./thinned-log.ts";

/** A sample without an event time. */
const TIMELESS = Number.MIN_SAFE_INTEGER;
/** Beyond this a number is no time that a calendar has. */
const TIME_MAX_MS = 8.64e15;

/** Which sample was when: exactly for the newest, more coarsely the older they are. */
export class StreamPlaces {
  readonly #sequences = new ThinnedLog();
  readonly #times = new ThinnedLog();
  #latestMs = -Infinity;
  #clockBackwards = 0;

  /** Samples that happened before an earlier one, by their event times. */
  get clockBackwards(): number {
    return this.#clockBackwards;
  }

  /** Takes the next sample in. */
  add(sequence: number, eventTimeMs: number): void {
    const isKnown = Math.abs(eventTimeMs) <= TIME_MAX_MS;
    this.#sequences.add(sequence);
    this.#times.add(isKnown ? eventTimeMs : TIMELESS);
    if (!isKnown) return;
    if (eventTimeMs < this.#latestMs) this.#clockBackwards++;
    else this.#latestMs = eventTimeMs;
  }

  /** Where a sequence is. */
  at(sequence: number): DriftPosition {
    const eventTimeMs = this.#times.at(this.#sequences.indexOf(sequence));
    const isKnown = this.#times.count > 0 && eventTimeMs !== TIMELESS;
    return { sequence, eventTimeMs: isKnown ? eventTimeMs : null };
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    const latest = Number.isFinite(this.#latestMs) ? this.#latestMs : TIMELESS;
    return [
      ...[latest, this.#clockBackwards],
      ...this.#sequences.numbers(),
      ...this.#times.numbers(),
    ];
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    const [latest = TIMELESS, clockBackwards = 0] = numbers;
    this.#latestMs = latest === TIMELESS ? -Infinity : latest;
    this.#clockBackwards = clockBackwards;
    this.#times.remember(this.#sequences.remember(numbers.slice(2)));
  }
}
