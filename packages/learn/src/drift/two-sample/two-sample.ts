/**
 * Label-free signals of rows of features, embeddings or single numbers:
 *
 *   the first rows ─► reference ──┬──► block bootstrap ──► what chance makes of the statistic
 *                                 ▼                                  │
 *   the newest rows ─► recent ─► statistic once in `everySamples` ─► p-value
 *
 * The bootstrap draws both samples of a pair from the reference, in blocks, so it knows how correlated
 * the stream is and how well its reference is known. Drift is where p is at most
 * everySamples / falseAlarmEvery: so many looks are expected to one that is that unlikely. The resamples
 * are made a few per update while the recent window fills.
 */
import { Random, streamOf } from "@everfresh/core";
import { DriftCheckpointError, LearnOptionError, ResumeMismatchError } from "../../errors.ts";
import type { DriftVerdict } from "../../triggers/trigger.ts";
import { blockLength, blockPositions } from "./block-bootstrap.ts";
import { FeatureWindow } from "./feature-window.ts";
import type { FittedStatistic } from "./fitted-statistic.ts";
import { inflationOf, isRowOf, type Rows, rowsOf } from "./rows.ts";
import type { Signal, SignalCheckpoint, SignalReading } from "../signal.ts";
import { TailFit } from "./tail-fit.ts";
import { fitStatistic } from "./two-sample-statistics.ts";
import {
  type CompleteTwoSampleSpec,
  completeTwoSampleSpec,
  type TwoSampleSpec,
} from "./two-sample-spec.ts";

const KIND = "twoSample";
/** What no statistic reaches, in a checkpoint: JSON has no infinity. */
const NEVER = -1;
const VERDICTS: readonly DriftVerdict[] = ["stable", "warning", "drift"];

/** A signal of rows that knows which features have moved. */
export interface RowSignal extends Signal<ArrayLike<number>> {
  /**
   * The statistic of each feature at the last comparison; one number for whole rows where it has no
   * parts; empty before.
   */
  parts(): readonly number[];
  /**
   * Starts anew with a reference, for example one that the present model has scored again.
   * @throws LearnOptionError when it has not `referenceSamples` rows of `features` numbers
   */
  pin(reference: readonly ArrayLike<number>[]): void;
  /**
   * Rows between two chances on a stable stream to be as far away as at the last comparison, also
   * beyond what the resamples have seen; null before the first comparison.
   */
  evidence(): number | null;
  /** The statistic whose {@link evidence} is so many rows; null before the first comparison. */
  valueAt(evidence: number): number | null;
  /** How many rows ago the recent ones began to differ; null where the statistic does not tell. */
  changeAgo(): number | null;
}

/**
 * The signal that a specification describes. A row of another length, or with nothing but missing
 * values, is ignored and counted; a missing value in a row is a value like any other for histograms,
 * the mean of the reference for `mmd` and `classifier`, and left out by `ks`, which counts how many
 * there are.
 * @throws LearnOptionError for a number that is out of its range
 */
export function twoSampleSignal(spec: TwoSampleSpec): RowSignal {
  return new TwoSampleSignal(completeTwoSampleSpec(spec));
}

/**
 * The same, but it never says drift and so never starts anew by itself: someone else decides by its
 * evidence.
 * @throws LearnOptionError for a number that is out of its range
 */
export function silentTwoSampleSignal(spec: TwoSampleSpec): RowSignal {
  const never = { falseAlarmEvery: Infinity, falseWarningEvery: Infinity };
  const budget = 2 * (spec.everySamples ?? 50);
  const known = { ...spec, falseAlarmEvery: budget, falseWarningEvery: budget };
  return new TwoSampleSignal({ ...completeTwoSampleSpec(known), ...never });
}

/** The reference once it is full, and what follows from it. */
interface Fitted {
  readonly reference: Rows;
  readonly statistic: FittedStatistic;
  readonly block: number;
}

class TwoSampleSignal implements RowSignal {
  readonly #spec: CompleteTwoSampleSpec;
  readonly #reference: FeatureWindow;
  readonly #recent: FeatureWindow;
  readonly #resamplesPerUpdate: number;
  #random: Random;
  #fitted: Fitted | null = null;
  /** What the bootstrap gave so far: the largest part of the statistic. */
  #chance: number[] = [];
  /** Whether the largest is the first of these. */
  #isSorted = false;
  #tail: TailFit | null = null;
  #parts: readonly number[] = [];
  /** Of these; null before it was asked for. */
  #evidence: number | null = null;
  #pValue: number | null = null;
  #warningAt: number | null = null;
  #driftAt: number | null = null;
  #verdict: DriftVerdict = "stable";
  #taken = 0;
  #ignored = 0;
  #alarms = 0;

  constructor(spec: CompleteTwoSampleSpec) {
    this.#spec = spec;
    const { features, referenceSamples, recentSamples } = spec;
    this.#reference = new FeatureWindow({ capacity: referenceSamples, features });
    this.#recent = new FeatureWindow({ capacity: recentSamples, features });
    this.#resamplesPerUpdate = Math.ceil(spec.resamples / recentSamples);
    this.#random = new Random(spec.seed, streamOf("two-sample"));
  }

  update(row: ArrayLike<number>): DriftVerdict {
    if (this.#verdict === "drift") this.reset();
    if (!isRowOf(row, this.#spec.features)) {
      this.#ignored++;
      return this.#verdict;
    }
    this.#taken++;
    if (!this.#reference.isFull) {
      this.#reference.add(row);
      return this.#verdict;
    }
    const fitted = this.#fit();
    this.#recent.add(row);
    fitted.statistic.sliding?.add(row);
    this.#resample(fitted, this.#resamplesPerUpdate);
    const since = this.#taken - this.#spec.referenceSamples;
    if (this.#recent.isFull && since % this.#spec.everySamples === 0) this.#compare(fitted);
    return this.#verdict;
  }

  reading(): SignalReading {
    return {
      verdict: this.#verdict,
      value: this.#parts.length === 0 ? null : Math.max(...this.#parts),
      warningAt: this.#warningAt,
      driftAt: this.#driftAt,
      pValue: this.#pValue,
      changeAgo: null,
      taken: this.#taken,
      ignored: this.#ignored,
      alarms: this.#alarms,
    };
  }

  parts(): readonly number[] {
    return this.#parts;
  }

  evidence(): number | null {
    if (this.#parts.length === 0) return null;
    return (this.#evidence ??= this.#evidenceOf(Math.max(...this.#parts)));
  }

  valueAt(evidence: number): number | null {
    if (this.#parts.length === 0) return null;
    const { statistic } = this.#fit();
    const value = this.#tailFit().valueAt(this.#spec.everySamples / evidence);
    return Math.max(statistic.valueMin, value);
  }

  changeAgo(): number | null {
    if (this.#parts.length === 0) return null;
    return this.#fit().statistic.changeAgo?.(this.#recent.rows(), this.#parts) ?? null;
  }

  pin(reference: readonly ArrayLike<number>[]): void {
    const { referenceSamples, features } = this.#spec;
    if (reference.length !== referenceSamples || reference.some((row) => row.length !== features)) {
      const needed = `${referenceSamples} rows of ${features} numbers`;
      throw new LearnOptionError("reference", `${reference.length} rows`, needed);
    }
    this.reset();
    for (const row of reference) this.#reference.add(row);
    this.#taken = referenceSamples;
  }

  reset(): void {
    this.#reference.reset();
    this.#recent.reset();
    this.#fitted = null;
    this.#chance = [];
    this.#isSorted = false;
    this.#tail = null;
    this.#parts = [];
    this.#evidence = null;
    this.#pValue = null;
    this.#warningAt = null;
    this.#driftAt = null;
    this.#verdict = "stable";
    this.#taken = 0;
  }

  checkpoint(): SignalCheckpoint {
    const own = [
      ...[VERDICTS.indexOf(this.#verdict), this.#taken, this.#ignored, this.#alarms],
      ...[this.#random.position.drawn, this.#pValue ?? -1],
      ...[this.#warningAt ?? 0, this.#driftAt ?? 0].map((at) => (at === Infinity ? NEVER : at)),
      ...[this.#parts.length, ...this.#parts, this.#chance.length, ...this.#chance],
    ];
    const numbers = own.concat(this.#reference.numbers(), this.#recent.numbers());
    // JSON has no −0.
    return { kind: KIND, numbers: numbers.map((number) => number + 0) };
  }

  restore({ kind, numbers }: SignalCheckpoint): void {
    if (kind !== KIND) throw new ResumeMismatchError("the kind of signal", kind, KIND);
    const [verdict = -1, taken = 0, ignored = 0, alarms = 0, drawn = 0, pValue = -1] = numbers;
    const known = VERDICTS[verdict];
    const isWhole = Number.isSafeInteger(drawn) && drawn >= 0;
    if (known === undefined || !isWhole || !numbers.every(Number.isFinite)) {
      throw new DriftCheckpointError(kind, "its numbers are damaged");
    }
    const [warningAt = 0, driftAt = 0, parts = 0] = numbers.slice(6);
    const chanceAt = 9 + parts;
    const windowsAt = chanceAt + 1 + (numbers[chanceAt] ?? 0);
    this.reset();
    this.#parts = numbers.slice(9, chanceAt);
    this.#chance = numbers.slice(chanceAt + 1, windowsAt);
    this.#recent.remember(this.#reference.remember(numbers.slice(windowsAt)));
    this.#random = new Random(this.#spec.seed, streamOf("two-sample"), drawn);
    [this.#verdict, this.#taken, this.#ignored, this.#alarms] = [known, taken, ignored, alarms];
    if (pValue >= 0) {
      const levels = [warningAt, driftAt].map((at) => (at === NEVER ? Infinity : at));
      [this.#pValue, this.#warningAt = null, this.#driftAt = null] = [pValue, ...levels];
    }
    const now = this.checkpoint().numbers;
    if (now.length !== numbers.length || now.some((number, i) => number !== numbers[i])) {
      this.reset();
      throw new DriftCheckpointError(kind, `${numbers.length} numbers do not fit its options`);
    }
  }

  #fit(): Fitted {
    if (this.#fitted !== null) return this.#fitted;
    const reference = this.#reference.rows();
    const { recentSamples, blockSamples } = this.#spec;
    const block = blockSamples ?? blockLength(inflationOf(reference), reference.count);
    const statistic = fitStatistic(this.#spec.statistic, reference, recentSamples);
    for (const row of rowsOf(this.#recent.rows())) statistic.sliding?.add(row);
    this.#fitted = { reference, statistic, block };
    return this.#fitted;
  }

  #evidenceOf(value: number): number {
    const { everySamples } = this.#spec;
    const { statistic } = this.#fit();
    return value < statistic.valueMin ? everySamples : everySamples / this.#tailFit().pValue(value);
  }

  /** What chance makes of the statistic, once all resamples are there. */
  #tailFit(): TailFit {
    this.#tail ??= new TailFit(this.#chance);
    return this.#tail;
  }

  /** Makes up to so many resamples: pairs of samples that differ by chance alone. */
  #resample({ reference, statistic, block }: Fitted, most: number): void {
    const { resamples, recentSamples } = this.#spec;
    const from = reference.count;
    for (let i = 0; i < most && this.#chance.length < resamples; i++) {
      const draw = (length: number): Uint32Array =>
        blockPositions(this.#random, { length, from, block });
      this.#chance.push(Math.max(...statistic.resampled(draw(from), draw(recentSamples))));
    }
  }

  #compare(fitted: Fitted): void {
    const { statistic, reference } = fitted;
    this.#resample(fitted, this.#spec.resamples);
    if (!this.#isSorted) this.#chance.sort((left, right) => right - left);
    this.#isSorted = true;
    const { sliding } = statistic;
    this.#evidence = null;
    this.#parts = [...(sliding?.values() ?? statistic.values(reference, this.#recent.rows()))];
    const value = Math.max(...this.#parts);
    const asLarge = this.#chance.findLastIndex((chance) => chance >= value) + 1;
    this.#pValue = (asLarge + 1) / (this.#chance.length + 1);
    this.#warningAt = this.#limit(this.#spec.falseWarningEvery, statistic.valueMin);
    this.#driftAt = this.#limit(this.#spec.falseAlarmEvery, statistic.valueMin);
    this.#verdict =
      value > this.#driftAt ? "drift" : value > this.#warningAt ? "warning" : "stable";
    if (this.#verdict === "drift") this.#alarms++;
  }

  /** What a value must be above for p ≤ everySamples / every. */
  #limit(every: number, valueMin: number): number {
    const { everySamples, resamples } = this.#spec;
    // The next whole number is another one only by rounding.
    const rank = Math.floor((everySamples / every) * (resamples + 1) + 1e-9);
    return Math.max(valueMin, this.#chance[Math.min(rank, resamples) - 1] ?? Infinity);
  }
}
