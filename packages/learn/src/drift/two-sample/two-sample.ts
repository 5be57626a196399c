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
 *
 * A reference knows no memory that is longer than an eighth of it. After a change that was none, blocks
 * are about that long, and the reference grows by the rows that leave the recent ones, to four times its length:
 * it is fitted anew whenever it has doubled. After more of them it is that long from the beginning.
 */
import { Random, streamOf } from "@everfresh/core";
import { DriftCheckpointError, LearnOptionError, ResumeMismatchError } from "../../errors.ts";
import type { DriftVerdict } from "../../triggers/trigger.ts";
import { blockLength, blockPositions } from "./block-bootstrap.ts";
import { Chance } from "./chance.ts";
import { FeatureWindow } from "./feature-window.ts";
import type { FittedStatistic } from "./fitted-statistic.ts";
import { GrowingReference } from "./growing-reference.ts";
import { inflationOf, isRowOf, type Rows, rowsOf } from "./rows.ts";
import type { RowSignal } from "./row-signal.ts";
import type { SignalCheckpoint, SignalReading } from "../signal.ts";
import { fitStatistic } from "./two-sample-statistics.ts";
import {
  type CompleteTwoSampleSpec,
  completeTwoSampleSpec,
  type TwoSampleSpec,
} from "./two-sample-spec.ts";

const KIND = "twoSample";
/** What no statistic reaches, in a checkpoint: JSON has no infinity. */
const NEVER = -1;
/** What each mistake adds to the verdict in a checkpoint. */
const MISTAKE = 3;
const VERDICTS: readonly DriftVerdict[] = ["stable", "warning", "drift"];

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
  readonly #reference: GrowingReference;
  readonly #recent: FeatureWindow;
  readonly #resamplesPerUpdate: number;
  #random: Random;
  #fitted: Fitted | null = null;
  /** What the bootstrap gave so far: the largest part of the statistic. */
  readonly #chance: Chance;
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
    const { features, recentSamples } = spec;
    this.#reference = new GrowingReference(spec);
    this.#recent = new FeatureWindow({ capacity: recentSamples, features });
    this.#chance = new Chance(spec.resamples);
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
    if (!this.#reference.isReady) {
      this.#reference.add(row);
      return this.#verdict;
    }
    this.#grow();
    const fitted = this.#fit();
    this.#recent.add(row);
    fitted.statistic.sliding?.add(row);
    this.#resample(fitted, this.#resamplesPerUpdate);
    const since = this.#taken - this.#spec.referenceSamples;
    const canCompare = this.#recent.isFull && this.#chance.isKnown;
    if (canCompare && since % this.#spec.everySamples === 0) this.#compare(fitted);
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
    const value = this.#chance.tail().valueAt(this.#spec.everySamples / evidence);
    return Math.max(statistic.valueMin, value);
  }

  changeAgo(): number | null {
    if (this.#parts.length === 0) return null;
    return this.#fit().statistic.changeAgo?.(this.#recent.rows(), this.#parts) ?? null;
  }

  mistaken(): void {
    this.#reference.learn(this.#reference.mistakes + 1);
    // So what is new now is as usual as the reference.
    for (const row of rowsOf(this.#recent.rows())) this.#reference.add(row);
    this.#recent.reset();
    this.#forgetFit();
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
    this.#forgetFit();
    this.#taken = 0;
  }

  checkpoint(): SignalCheckpoint {
    const verdict = VERDICTS.indexOf(this.#verdict) + MISTAKE * this.#reference.mistakes;
    const chance = this.#chance.numbers();
    const own = [
      ...[verdict, this.#taken, this.#ignored, this.#alarms],
      ...[this.#random.position.drawn, this.#pValue ?? -1],
      ...[this.#warningAt ?? 0, this.#driftAt ?? 0].map((at) => (at === Infinity ? NEVER : at)),
      ...[this.#parts.length, ...this.#parts, chance.length, ...chance],
    ];
    const numbers = own.concat(this.#reference.numbers(), this.#recent.numbers());
    // JSON has no −0.
    return { kind: KIND, numbers: numbers.map((number) => number + 0) };
  }

  restore({ kind, numbers }: SignalCheckpoint): void {
    if (kind !== KIND) throw new ResumeMismatchError("the kind of signal", kind, KIND);
    const [verdict = -1, taken = 0, ignored = 0, alarms = 0, drawn = 0, pValue = -1] = numbers;
    const known = VERDICTS[verdict % MISTAKE];
    const isWhole = Number.isSafeInteger(drawn) && drawn >= 0;
    if (known === undefined || !isWhole || !numbers.every(Number.isFinite)) {
      throw new DriftCheckpointError(kind, "its numbers are damaged");
    }
    const [warningAt = 0, driftAt = 0, parts = 0] = numbers.slice(6);
    const chanceAt = 9 + parts;
    const windowsAt = chanceAt + 1 + (numbers[chanceAt] ?? 0);
    this.reset();
    this.#reference.learn(Math.floor(verdict / MISTAKE));
    this.#parts = numbers.slice(9, chanceAt);
    this.#chance.remember(numbers.slice(chanceAt + 1, windowsAt));
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
    const known = blockSamples ?? blockLength(inflationOf(reference), reference.count);
    const block = this.#reference.block(known, recentSamples);
    const statistic = fitStatistic(this.#spec.statistic, reference, recentSamples);
    for (const row of rowsOf(this.#recent.rows())) statistic.sliding?.add(row);
    this.#fitted = { reference, statistic, block };
    return this.#fitted;
  }

  /** After a mistake the row that leaves the recent ones is of the reference, as long as it has room. */
  #grow(): void {
    if (this.#reference.mistakes === 0 || !this.#recent.isFull) return;
    const before = this.#reference.count;
    this.#reference.add(this.#recent.oldest());
    if (this.#reference.count !== before) this.#forgetFit();
  }

  /** What follows from the reference is to be made anew. */
  #forgetFit(): void {
    this.#fitted = null;
    this.#chance.reset();
    this.#parts = [];
    this.#evidence = null;
    this.#pValue = null;
    this.#warningAt = null;
    this.#driftAt = null;
    this.#verdict = "stable";
  }

  #evidenceOf(value: number): number {
    const { everySamples } = this.#spec;
    const { statistic } = this.#fit();
    return value < statistic.valueMin
      ? everySamples
      : everySamples / this.#chance.tail().pValue(value);
  }

  /** Makes up to so many resamples: pairs of samples that differ by chance alone. */
  #resample({ reference, statistic, block }: Fitted, most: number): void {
    const { recentSamples } = this.#spec;
    const from = reference.count;
    for (let i = 0; i < most && !this.#chance.isKnown; i++) {
      const draw = (length: number): Uint32Array =>
        blockPositions(this.#random, { length, from, block });
      this.#chance.add(Math.max(...statistic.resampled(draw(from), draw(recentSamples))));
    }
  }

  #compare({ statistic, reference }: Fitted): void {
    const { sliding } = statistic;
    this.#evidence = null;
    this.#parts = [...(sliding?.values() ?? statistic.values(reference, this.#recent.rows()))];
    const value = Math.max(...this.#parts);
    this.#pValue = this.#chance.rankOf(value);
    this.#warningAt = this.#limit(this.#spec.falseWarningEvery, statistic.valueMin);
    this.#driftAt = this.#limit(this.#spec.falseAlarmEvery, statistic.valueMin);
    this.#verdict =
      value > this.#driftAt ? "drift" : value > this.#warningAt ? "warning" : "stable";
    if (this.#verdict === "drift") this.#alarms++;
  }

  /** What a value must be above for p ≤ everySamples / every. */
  #limit(every: number, valueMin: number): number {
    return Math.max(valueMin, this.#chance.limit(this.#spec.everySamples / every));
  }
}
