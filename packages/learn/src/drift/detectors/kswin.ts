import { Random, streamOf } from "@everfresh/core";
import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { KswinSpec } from "./detector-spec.ts";
import { ksCriticalSteps, ksPValue, ksSteps } from "../two-sample/kolmogorov-smirnov.ts";

/** As in River, a smaller distance is no drift however significant it is. */
const DISTANCE_MIN = 0.1;

/**
 * Drift where the newest values and as many of those before them in the window, drawn anew with each
 * value, are not of one distribution by the test of Kolmogorov and Smirnov.
 *
 * With 0 and 1 as values and the usual sizes it sees nothing less than a rate that rises by 0.4: the
 * test is made for continuous values.
 */
export function kswin(spec: KswinSpec): DetectorRule {
  return new Kswin(spec);
}

class Kswin implements DetectorRule {
  readonly takes = "numbers";
  readonly #windowSamples: number;
  readonly #recentSamples: number;
  /** D · recent² from here on is drift. */
  readonly #driftSteps: number;
  readonly #seed: number;
  #random: Random;
  /** A ring: the oldest value is at `#at` once it is full. */
  readonly #window: Float64Array;
  #at = 0;
  #count = 0;
  readonly #drawn: Float64Array;
  readonly #recent: Float64Array;
  readonly #places: Uint32Array;

  constructor({ alpha = 0.005, windowSamples = 100, recentSamples = 30, seed = 0 }: KswinSpec) {
    this.#windowSamples = windowSamples;
    this.#recentSamples = recentSamples;
    const square = recentSamples ** 2;
    const significant = ksCriticalSteps(recentSamples, recentSamples, alpha);
    this.#driftSteps = Math.max(significant, Math.floor(DISTANCE_MIN * square) + 1);
    this.#seed = seed;
    this.#random = new Random(seed, streamOf("kswin"));
    this.#window = new Float64Array(windowSamples);
    this.#drawn = new Float64Array(recentSamples);
    this.#recent = new Float64Array(recentSamples);
    this.#places = new Uint32Array(windowSamples - recentSamples);
  }

  update(value: number): DriftVerdict {
    this.#window[this.#at] = value;
    this.#at = (this.#at + 1) % this.#windowSamples;
    this.#count = Math.min(this.#count + 1, this.#windowSamples);
    if (this.#count < this.#windowSamples) return "stable";
    this.#draw();
    return ksSteps(this.#drawn, this.#recent) >= this.#driftSteps ? "drift" : "stable";
  }

  reading(): RuleReading {
    if (this.#count < this.#windowSamples) return NO_READING;
    return {
      ...NO_READING,
      value: ksSteps(this.#drawn, this.#recent) / this.#recentSamples ** 2,
      driftAt: this.#driftSteps / this.#recentSamples ** 2,
      pValue: ksPValue(this.#drawn, this.#recent),
      changeAgo: this.#recentSamples,
    };
  }

  reset(): void {
    this.#at = 0;
    this.#count = 0;
    this.#window.fill(0);
    this.#drawn.fill(0);
    this.#recent.fill(0);
  }

  numbers(): readonly number[] {
    const { drawn } = this.#random.position;
    return [this.#at, this.#count, drawn, ...this.#window, ...this.#drawn, ...this.#recent];
  }

  remember(numbers: readonly number[]): void {
    const [at = 0, count = 0, drawn = 0] = numbers;
    this.#at = at;
    this.#count = count;
    this.#random = new Random(this.#seed, streamOf("kswin"), drawn);
    let from = 3;
    for (const part of [this.#window, this.#drawn, this.#recent]) {
      part.set(numbers.slice(from, from + part.length));
      from += part.length;
    }
  }

  /** The two samples, sorted; every set of older values is equally likely (Fisher and Yates). */
  #draw(): void {
    const older = this.#places.length;
    for (let i = 0; i < older; i++) this.#places[i] = i;
    for (let i = 0; i < this.#recentSamples; i++) {
      const other = i + this.#random.below(older - i);
      const place = this.#places[other] ?? 0;
      this.#places[other] = this.#places[i] ?? 0;
      this.#drawn[i] = this.#valueAt(place);
      this.#recent[i] = this.#valueAt(older + i);
    }
    this.#drawn.sort();
    this.#recent.sort();
  }

  /** The value so many places after the oldest one. */
  #valueAt(place: number): number {
    return this.#window[(this.#at + place) % this.#windowSamples] ?? 0;
  }
}
