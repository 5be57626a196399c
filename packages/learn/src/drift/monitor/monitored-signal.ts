import type { DriftSignalStatus, DriftVerdict, MovedPart, SignalFamily } from "@everfresh/core";
import { DriftCheckpointError } from "../../errors.ts";
import { ClassShift, type MeanShift } from "../verdict/class-shift.ts";
import type { MonitoredSignalCheckpoint } from "./drift-monitor-checkpoint.ts";
import {
  COSTLY_INPUTS,
  FAMILY_OF,
  type MonitoredSignalSpec,
  type SignalInput,
} from "./drift-spec.ts";
import { evidenceOf } from "./evidence.ts";
import type { EvidenceSource } from "../detectors/evidence-source.ts";
import { isRowOf } from "../two-sample/rows.ts";
import { ThinnedLog } from "./thinned-log.ts";

/** Parts that are named at most. */
const MOVED_MAX = 5;

/** What a {@link MonitoredSignal} is made with. */
export interface MonitoredSignalOptions {
  readonly spec: MonitoredSignalSpec;
  /** It looks at one value in so many, */
  readonly everySamples: number;
  /** and is given one for one sample in so many. @default 1 */
  readonly givenEvery?: number;
  /** Names of the numbers in a row; one where it looks at single numbers. */
  readonly parts: readonly string[];
  readonly classNames: readonly string[];
  readonly seed: number;
}

/** One value that a signal is offered. */
export interface Offer {
  readonly row: ArrayLike<number>;
  /** Of the sample that it belongs to. */
  readonly sequence: number;
  /** The class that the value tells something about; -1 for none. */
  readonly ofClass: number;
}

/** A level of evidence, in samples, for a warning and for a drift. */
export interface EvidenceLevels {
  readonly warning: number;
  readonly drift: number;
}

/** One signal of the ensemble: what it looks at, how often, and where in the stream that was. */
export class MonitoredSignal {
  readonly name: string;
  readonly input: SignalInput;
  readonly family: SignalFamily;
  readonly #goesBySequence: boolean;
  readonly #options: MonitoredSignalOptions;
  readonly #source: EvidenceSource;
  readonly #classes: ClassShift;
  /** Sequences of the values since it began anew. */
  readonly #sequences = new ThinnedLog();
  #offered = 0;
  /** Values that it could not take, ever. */
  #ignored = 0;
  #alarms = 0;
  #evidence: number | null = null;

  constructor(options: MonitoredSignalOptions) {
    const { spec, parts, classNames, seed } = options;
    this.#options = options;
    this.name = spec.name;
    this.input = spec.input;
    this.family = FAMILY_OF[spec.input];
    this.#goesBySequence = COSTLY_INPUTS.includes(spec.input);
    this.#source = evidenceOf(spec.detector, { features: parts.length, seed });
    this.#classes = new ClassShift(classNames.length);
  }

  /** Values that it could not take, ever. */
  get ignored(): number {
    return this.#ignored;
  }

  /** Whether it looks at this sample, where its input goes by sequences. */
  isTurn(sequence: number): boolean {
    return sequence % this.#options.everySamples === 0;
  }

  /** Looks at a value, if it is its turn. */
  offer({ row, sequence, ofClass }: Offer): void {
    const number = this.#offered++;
    if (!this.isTurn(this.#goesBySequence ? sequence : number)) return;
    if (!isRowOf(row, this.#options.parts.length)) {
      this.#ignored++;
      return;
    }
    this.#source.update(row);
    this.#sequences.add(sequence);
    if (row.length === 1) this.#classes.add(row[0] ?? 0, ofClass);
    const evidence = this.#source.evidence();
    this.#evidence = evidence === null ? null : evidence * this.#samplesPerValue();
  }

  /** Mean samples between two chances to look so much like a change; null before it has data. */
  get evidence(): number | null {
    return this.#evidence;
  }

  /** The sequence of the first sample after the change, as estimated; null without an estimate. */
  since(): number | null {
    const ago = this.#source.changeAgo();
    if (ago === null || this.#sequences.count === 0) return null;
    return this.#sequences.at(this.#sequences.count - ago);
  }

  /** The features or classes that have moved most. */
  moved(): readonly MovedPart[] {
    const { parts, classNames } = this.#options;
    const values = this.#source.parts();
    if (values.length !== parts.length || parts.length === 1) {
      return this.#classes.moved(classNames, MOVED_MAX);
    }
    return values
      .map((value, i) => ({ name: parts[i] ?? "", value }))
      .sort((left, right) => right.value - left.value)
      .slice(0, MOVED_MAX)
      .filter(({ value }) => value > 0);
  }

  /** By how much its mean has moved; null for rows. */
  mean(): MeanShift | null {
    return this.#classes.mean();
  }

  /** It had a part in an alarm. */
  alarmed(): void {
    this.#alarms++;
  }

  /** An alarm that it had a part in was about nothing that matters. */
  mistaken(): void {
    this.#source.mistaken?.();
    if (this.#source.evidence() === null) this.#evidence = null;
  }

  /** Starts anew; what is counted stays. */
  reset(): void {
    this.#source.reset();
    this.#sequences.reset();
    this.#classes.reset();
    this.#evidence = null;
  }

  /** How it is now, where evidence at these levels would be a verdict by itself. */
  status(levels: EvidenceLevels): DriftSignalStatus {
    const { value, warningAt, driftAt, pValue, taken } = this.#source.reading();
    const [evidence, perValue] = [this.#evidence, this.#samplesPerValue()];
    const verdict: DriftVerdict =
      evidence === null || evidence < levels.warning
        ? "stable"
        : evidence < levels.drift
          ? "warning"
          : "drift";
    const levelOf = (level: number, own: number | null): number | null =>
      value === null ? null : (this.#source.valueAt(level / perValue) ?? own);
    return {
      ...{ name: this.name, family: this.family, verdict, value },
      warningAt: finiteOrNull(levelOf(levels.warning, warningAt)),
      driftAt: finiteOrNull(levelOf(levels.drift, driftAt)),
      ...{ pValue, evidence, changeAgo: this.#source.changeAgo(), taken },
      ...{ ignored: this.#ignored, alarms: this.#alarms },
      share: 1 / (this.#options.everySamples * (this.#options.givenEvery ?? 1)),
      moved: evidence === null ? [] : this.moved(),
    };
  }

  /** All that it remembers. */
  checkpoint(): MonitoredSignalCheckpoint {
    const own = [this.#offered, this.#ignored, this.#alarms, this.#evidence ?? -1];
    return {
      detector: this.#source.checkpoint(),
      numbers: [...own, ...this.#sequences.numbers(), ...this.#classes.numbers()].map(
        // JSON has no −0.
        (number) => number + 0,
      ),
    };
  }

  /** @throws ResumeMismatchError, DriftCheckpointError for one that is damaged, or of another */
  restore({ detector, numbers }: MonitoredSignalCheckpoint): void {
    this.#source.restore(detector);
    if (!numbers.every(Number.isFinite)) throw this.#damaged();
    const [offered = 0, ignored = 0, alarms = 0, evidence = -1] = numbers;
    this.#offered = offered;
    this.#ignored = ignored;
    this.#alarms = alarms;
    this.#evidence = evidence < 0 ? null : evidence;
    const rest = this.#classes.remember(this.#sequences.remember(numbers.slice(4)));
    const now = this.checkpoint().numbers;
    if (rest.length > 0 || now.some((number, i) => number !== numbers[i])) throw this.#damaged();
  }

  #damaged(): DriftCheckpointError {
    return new DriftCheckpointError(this.name, "its numbers do not fit its options");
  }

  /** Samples of the stream for each value, since it began anew: thinned, missing or per step. */
  #samplesPerValue(): number {
    const { count } = this.#sequences;
    if (count < 2) return 1;
    return Math.max(1, (this.#sequences.at(count - 1) - this.#sequences.at(0) + 1) / count);
  }
}

function finiteOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
