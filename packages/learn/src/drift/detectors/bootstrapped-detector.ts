import { Random, streamOf } from "@everfresh/core";
import { DriftCheckpointError, ResumeMismatchError } from "../../errors.ts";
import { blockLength, blockPositions } from "../two-sample/block-bootstrap.ts";
import { detectorOf } from "./detector-of.ts";
import type { DetectorSpec } from "./detector-spec.ts";
import type { EvidenceSource } from "./evidence-source.ts";
import { inflationOf } from "../two-sample/rows.ts";
import type { Detector, SignalCheckpoint, SignalReading } from "../signal.ts";

/** Values of the past that are resampled: the first ones since it began anew. */
const PAST = 500;
/** Values of a resample, and how many resamples there are: one is made per update. */
const RESAMPLE = 2_000;
const RESAMPLES = 20;
/** Values that an alarm stays evidence for: signals whose labels are late need time to agree. */
const HOLD = 1_000;

/**
 * A detector that is not calibrated: its evidence is how seldom it says as much on resamples of the
 * stream's own past, drawn in blocks so that they are as correlated. Until these are made it says
 * nothing.
 *
 *   evidence of an alarm = values of all resamples / (their alarms + 1)
 */
export class BootstrappedDetector implements EvidenceSource {
  readonly #spec: DetectorSpec;
  readonly #seed: number;
  readonly #detector: Detector;
  #past: number[] = [];
  #resamples = 0;
  #falseAlarms = 0;
  #falseWarnings = 0;
  /** Values since the last alarm; more than {@link HOLD} without one. */
  #sinceAlarm = HOLD + 1;
  /** Values ago that the change was, at that alarm. */
  #agoAtAlarm = 0;

  constructor(spec: DetectorSpec, seed: number) {
    this.#spec = spec;
    this.#seed = seed;
    this.#detector = detectorOf(spec);
  }

  update(row: ArrayLike<number>): void {
    const value = row[0] ?? NaN;
    const { ignored } = this.#detector.reading();
    const verdict = this.#detector.update(value);
    const reading = this.#detector.reading();
    if (reading.ignored > ignored) return;
    if (this.#past.length < PAST) this.#past.push(value);
    else if (this.#resamples < RESAMPLES) this.#resample();
    this.#sinceAlarm = Math.min(HOLD + 1, this.#sinceAlarm + 1);
    if (verdict !== "drift") return;
    this.#sinceAlarm = 0;
    this.#agoAtAlarm = reading.changeAgo ?? 0;
  }

  evidence(): number | null {
    if (this.#resamples < RESAMPLES) return null;
    const values = RESAMPLES * RESAMPLE;
    if (this.#sinceAlarm <= HOLD) return values / (this.#falseAlarms + 1);
    const isWarning = this.#detector.reading().verdict === "warning";
    return isWarning ? values / (this.#falseWarnings + 1) : 1;
  }

  valueAt(): null {
    return null;
  }

  changeAgo(): number | null {
    if (this.#sinceAlarm <= HOLD) return this.#sinceAlarm + this.#agoAtAlarm;
    return this.#detector.reading().changeAgo;
  }

  parts(): readonly number[] {
    return [];
  }

  reading(): SignalReading {
    return this.#detector.reading();
  }

  reset(): void {
    this.#detector.reset();
    this.#past = [];
    this.#resamples = 0;
    this.#falseAlarms = 0;
    this.#falseWarnings = 0;
    this.#sinceAlarm = HOLD + 1;
    this.#agoAtAlarm = 0;
  }

  checkpoint(): SignalCheckpoint {
    const { kind, numbers } = this.#detector.checkpoint();
    const own = [this.#resamples, this.#falseAlarms, this.#falseWarnings, this.#sinceAlarm];
    return {
      kind: `bootstrapped ${kind}`,
      // JSON has no −0.
      numbers: [...own, this.#agoAtAlarm, this.#past.length, ...this.#past, ...numbers].map(
        (number) => number + 0,
      ),
    };
  }

  restore({ kind, numbers }: SignalCheckpoint): void {
    const own = `bootstrapped ${this.#spec.kind}`;
    if (kind !== own) throw new ResumeMismatchError("the kind of detector", kind, own);
    const [resamples = 0, alarms = 0, warnings = 0, sinceAlarm = 0, ago = 0, past = 0] = numbers;
    if (!numbers.every(Number.isFinite) || past > PAST || numbers.length < 6 + past) {
      throw new DriftCheckpointError(kind, "its numbers are damaged");
    }
    this.#detector.restore({ kind: this.#spec.kind, numbers: numbers.slice(6 + past) });
    this.#past = numbers.slice(6, 6 + past);
    [this.#resamples, this.#falseAlarms, this.#falseWarnings] = [resamples, alarms, warnings];
    [this.#sinceAlarm, this.#agoAtAlarm] = [sinceAlarm, ago];
  }

  /** Lets another one of its kind loose on one more resample. */
  #resample(): void {
    const data = Float64Array.from(this.#past);
    const random = new Random(this.#seed, streamOf(`resample ${this.#resamples}`));
    const block = blockLength(inflationOf({ count: PAST, features: 1, data }), PAST);
    const positions = blockPositions(random, { length: RESAMPLE, from: PAST, block });
    const other = detectorOf(this.#spec);
    let before = "stable";
    for (const position of positions) {
      const verdict = other.update(this.#past[position] ?? 0);
      if (verdict === "drift") this.#falseAlarms++;
      if (verdict !== "stable" && before === "stable") this.#falseWarnings++;
      before = verdict;
    }
    this.#resamples++;
  }
}
