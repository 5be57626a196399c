/**
 * Our detector of changes of a mean, with a budget of false alarms. All values since the last alarm
 * are split at every boundary of a thinned window, and the means of the two sides compared:
 *
 *        t values since the last alarm
 *   ├──────────── n₀ ────────────┼── n₁ ──┤  now       one candidate of about 80
 *              mean m₀             mean m₁
 *
 *   z = (m₁ − m₀) / √(σ² (1 / n₀ + 1 / n₁))
 *
 * σ² is the long-run variance, which knows of autocorrelation. 1 / n₀ is the error of the reference
 * itself; that of σ² is taken out as with Student's t, and that z of a few skewed values is no normal
 * number by Cornish and Fisher's first term.
 *
 * A stable stream shows a z of h at some candidate with n₁ values after it so often by chance, per
 * value and per factor of e in n₁ (the form is that of Siegmund's scans):
 *
 *   rate(h, n₁) = C · h³ · exp(−h² / 2) / s,   s = n₁ t / n₀
 *
 * because z of a long stretch changes slowly, and so seldom gets a new chance. Every scale from 8 to t
 * gets the same part of the budget, so the evidence of a candidate is
 *
 *   N = 1 / (rate(z, n₁) · ln(t / 8))
 *
 * values between two such chances: drift where it is at least `falseAlarmEvery`. So a small change that
 * lasts needs a lower z than a large one that has just begun. Where the change was is estimated by the
 * largest z, which is the likeliest: evidence prefers longer stretches. C is the only number found by simulation:
 * docs/decisions/0020-calibrated-change-detection.md.
 */
import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { ChangeScanSpec, Direction } from "./detector-spec.ts";
import { type LongRunMoments, LongRunVariance } from "./long-run-variance.ts";
import { ThinnedWindow } from "./thinned-window.ts";

/** C of the formula above. */
const RATE = 0.05;
/** Fewer values after a change than this are not looked at: they are no normal mean. */
const SCALE_MIN = 8;
/** A z below this is no evidence for anything; it saves most of the work. */
const Z_MIN = 2;
/** The variance is computed anew once in so many values. */
const MOMENTS_EVERY = 32;

/** Values between two false alarms with the usual settings. */
const FALSE_ALARM_EVERY_DEFAULT = 40_000;
/** Values before the first verdict with the usual settings. */
const WARM_UP_DEFAULT = 300;

/** A scan for changes of the mean. */
export function changeScan(spec: ChangeScanSpec): DetectorRule {
  return new ChangeScan(spec);
}

class ChangeScan implements DetectorRule {
  readonly takes = "numbers";
  readonly #logDrift: number;
  readonly #logWarning: number;
  readonly #direction: Direction;
  readonly #warmUp: number;
  readonly #window = new ThinnedWindow();
  readonly #variance = new LongRunVariance();
  readonly #candidates = new Float64Array(ThinnedWindow.CANDIDATE_NUMBERS);
  #moments: LongRunMoments | null = null;
  /** ln N of the strongest candidate, 0 or more. */
  #evidence = 0;
  /** Values after the likeliest change; 0 without evidence of any. */
  #changeAgo = 0;

  constructor(spec: ChangeScanSpec) {
    const falseAlarmEvery = spec.falseAlarmEvery ?? FALSE_ALARM_EVERY_DEFAULT;
    this.#logDrift = Math.log(falseAlarmEvery);
    this.#logWarning = Math.log(spec.falseWarningEvery ?? falseAlarmEvery / 10);
    this.#direction = spec.direction ?? "up";
    this.#warmUp = spec.warmUp ?? WARM_UP_DEFAULT;
  }

  update(value: number): DriftVerdict {
    this.#window.add(value);
    this.#variance.add(value);
    if (this.#window.count < this.#warmUp) return "stable";
    if (this.#moments === null || this.#variance.count % MOMENTS_EVERY === 0) {
      this.#moments = this.#variance.moments();
    }
    this.#evidence = 0;
    this.#changeAgo = 0;
    if (this.#moments.variance > 0) this.#scan(this.#moments);
    if (this.#evidence >= this.#logDrift) return "drift";
    return this.#evidence >= this.#logWarning ? "warning" : "stable";
  }

  reading(): RuleReading {
    if (this.#moments === null) return NO_READING;
    return {
      value: this.#evidence / Math.LN10,
      warningAt: this.#logWarning / Math.LN10,
      driftAt: this.#logDrift / Math.LN10,
      pValue: -Math.expm1(-this.#window.count * Math.exp(-this.#evidence)),
      changeAgo: this.#changeAgo === 0 ? null : this.#changeAgo,
    };
  }

  value(): number | null {
    return this.#moments === null ? null : this.#evidence / Math.LN10;
  }

  reset(): void {
    this.#window.reset();
    this.#variance.reset();
    this.#moments = null;
    this.#evidence = 0;
    this.#changeAgo = 0;
  }

  numbers(): readonly number[] {
    const moments = this.#moments;
    return [
      ...[this.#evidence, this.#changeAgo, moments === null ? 0 : 1, moments?.variance ?? 0],
      ...[moments?.inflation ?? 0, moments?.skewness ?? 0, moments?.degreesOfFreedom ?? 0],
      ...this.#window.numbers(),
      ...this.#variance.numbers(),
    ];
  }

  remember(numbers: readonly number[]): void {
    const [evidence = 0, changeAgo = 0, hasMoments = 0, variance = 0] = numbers;
    const [inflation = 0, skewness = 0, degreesOfFreedom = 0] = numbers.slice(4);
    this.#evidence = evidence;
    this.#changeAgo = changeAgo;
    this.#moments = hasMoments === 1 ? { variance, inflation, skewness, degreesOfFreedom } : null;
    this.#window.remember(numbers.slice(7, 7 + ThinnedWindow.SIZE));
    this.#variance.remember(numbers.slice(7 + ThinnedWindow.SIZE));
  }

  /** Finds the strongest candidate, and the likeliest change. */
  #scan({ variance, inflation, skewness, degreesOfFreedom }: LongRunMoments): void {
    const { count: t, total } = this.#window;
    const candidates = this.#candidates;
    const direction = this.#direction;
    const written = 2 * this.#window.candidates(candidates);
    const referenceMin = this.#warmUp / 2;
    const least = Z_MIN * Z_MIN * variance;
    const looks = RATE * Math.log(t / SCALE_MIN) * (direction === "both" ? 2 : 1);
    let [likeliest, likelihood] = [0, 0];
    for (let i = 0; i < written; i += 2) {
      const after = candidates[i] ?? 0;
      const before = t - after;
      if (after < SCALE_MIN) continue;
      if (before < referenceMin) break;
      // (m₁ − m₀) n₀ n₁, without a division.
      const difference = (candidates[i + 1] ?? 0) * t - total * after;
      if (difference < 0 ? direction === "up" : direction === "down") continue;
      const scale = before * after * t;
      const square = difference * difference;
      if (square < least * scale) continue;
      if (square > likelihood * scale) [likeliest, likelihood] = [after, square / scale];
      // Skewness of the difference of two means, towards the side that it is on.
      const tilt = (skewness * Math.sqrt(inflation) * (before - after)) / Math.sqrt(scale);
      const z = asNormal(Math.abs(difference) / Math.sqrt(scale * variance), {
        skewness: difference > 0 ? tilt : -tilt,
        degreesOfFreedom,
      });
      const evidence = Math.log((after * t) / (before * looks)) + (z * z) / 2 - 3 * Math.log(z);
      if (evidence > this.#evidence) this.#evidence = evidence;
    }
    if (this.#evidence > 0) this.#changeAgo = likeliest;
  }
}

/**
 * The normal number that is as seldom exceeded as a studentised mean of skewed values is by `z`.
 *
 *   Student:         z ← (8 ν + 1) / (8 ν + 3) · √(ν ln(1 + z² / ν))     (Wallace 1959)
 *   Cornish, Fisher: z = h + γ / 6 · (h² − 1), solved for h; a tail that is lighter counts as normal
 */
function asNormal(
  z: number,
  { skewness, degreesOfFreedom: nu }: Pick<LongRunMoments, "skewness" | "degreesOfFreedom">,
): number {
  const h = ((8 * nu + 1) / (8 * nu + 3)) * Math.sqrt(nu * Math.log1p((z * z) / nu));
  const a = skewness / 6;
  // Below 10⁻⁶ the root would lose its digits, and changes nothing.
  return a < 1e-6 ? h : (Math.sqrt(1 + 4 * a * (h + a)) - 1) / (2 * a);
}
