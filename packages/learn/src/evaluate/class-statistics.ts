import { argmaxRow } from "./softmax.ts";
import { binnedAuc, binOfProbability, exactAuc } from "./auc.ts";
import type { Sink, Statistics } from "./statistics.ts";

/** A prediction of a class and what was true; `null` of a baseline is no answer, which is wrong. */
export interface ClassObservation {
  /** What was true: an index from 0. */
  readonly label: number;
  /** One per class, of 0 or more, that add up to 1. */
  readonly probabilities: ArrayLike<number>;
  /** The last label that had arrived when the prediction was made. */
  readonly noChange: number | null;
  /** The most frequent label of those that had arrived. */
  readonly majority: number | null;
}

/**
 * How good predictions of classes are. `null` where it is not defined: without samples, or where a
 * denominator is 0.
 */
export interface ClassScores {
  /** Sum of the weights of the samples. */
  readonly weight: number;
  readonly accuracy: number | null;
  /** Accuracy of answering with the last label that has arrived. */
  readonly noChangeAccuracy: number | null;
  /** Accuracy of answering with the most frequent label that has arrived. */
  readonly majorityAccuracy: number | null;
  /** Mean of −ln p(label), in nats; probabilities below 10⁻¹⁵ count as that. */
  readonly logLoss: number | null;
  /** 2 · precision · recall / (precision + recall) per class; null for one neither seen nor answered. */
  readonly f1: readonly (number | null)[];
  /** Mean of {@link f1} over the classes that were seen or answered. */
  readonly macroF1: number | null;
  /** F1 of class 1 where there are two classes. */
  readonly binaryF1: number | null;
  /**
   * Area under the ROC curve: of class 1 where there are two classes, otherwise the mean of each class
   * against the rest. Exact in the window; otherwise from bins of the probabilities.
   */
  readonly auc: number | null;
  /** How far {@link auc} is from the exact one at most; 0 in the window. */
  readonly aucErrorMax: number | null;
  /** Σ over bins of confidence of weight · |accuracy − mean confidence| / weight: ECE. */
  readonly calibrationError: number | null;
  /** (accuracy − p) / (1 − p), where p is the agreement by chance (Cohen). */
  readonly kappa: number | null;
  /** The same with the accuracy of no change as p (Žliobaitė et al., 2015). */
  readonly kappaTemporal: number | null;
  /** The same with the accuracy of the majority as p (Bifet et al., KDD 2015). */
  readonly kappaM: number | null;
}

/** Bins of probabilities per class: two classes need only one set. */
const AUC_BINS_BINARY = 1_024;
const AUC_BINS = 128;

/** Where the numbers of a row are; the probabilities follow. */
const ROW = { weight: 0, label: 1, predicted: 2, noChange: 3, majority: 4, probabilities: 5 };
/** Where the sums are that there is one of. */
const SUM = { weight: 0, correct: 1, noChange: 2, majority: 3, logLoss: 4 };
const PER_CLASS_AT = 5;
const LEAST_PROBABILITY = 1e-15;

/** The row of an observation. */
export function classRow(observation: ClassObservation, weight: number): Float64Array {
  const { label, probabilities, noChange, majority } = observation;
  const count = probabilities.length;
  const row = new Float64Array(ROW.probabilities + count);
  row[ROW.weight] = weight;
  row[ROW.label] = label;
  row[ROW.predicted] = argmaxRow(probabilities);
  row[ROW.noChange] = noChange ?? -1;
  row[ROW.majority] = majority ?? -1;
  for (let c = 0; c < count; c++) row[ROW.probabilities + c] = probabilities[c] ?? 0;
  return row;
}

/** Statistics of predictions of `count` classes. */
export function classStatistics(count: number, calibrationBins: number): Statistics<ClassScores> {
  return new ClassStatistics(count, calibrationBins);
}

class ClassStatistics implements Statistics<ClassScores> {
  readonly rowLength: number;
  readonly size: number;
  readonly #count: number;
  readonly #calibrationBins: number;
  /** Where the sums of calibration and of the ROC curves begin. */
  readonly #calibrationAt: number;
  readonly #curvesAt: number;
  /** Classes with a ROC curve, and bins of each. */
  readonly #curves: readonly number[];
  readonly #bins: number;

  constructor(count: number, calibrationBins: number) {
    this.#count = count;
    this.#calibrationBins = calibrationBins;
    this.#curves = count === 2 ? [1] : Array.from({ length: count }, (_, c) => c);
    this.#bins = count === 2 ? AUC_BINS_BINARY : AUC_BINS;
    this.#calibrationAt = PER_CLASS_AT + 3 * count;
    this.#curvesAt = this.#calibrationAt + 3 * calibrationBins;
    this.rowLength = ROW.probabilities + count;
    this.size = this.#curvesAt + 2 * this.#curves.length * this.#bins;
  }

  add(row: Float64Array, sink: Sink): void {
    const label = row[ROW.label] ?? -1;
    const predicted = row[ROW.predicted] ?? -1;
    const isHit = predicted === label ? 1 : 0;
    sink.add(SUM.weight, 1);
    sink.add(SUM.correct, isHit);
    sink.add(SUM.noChange, row[ROW.noChange] === label ? 1 : 0);
    sink.add(SUM.majority, row[ROW.majority] === label ? 1 : 0);
    const likelihood = row[ROW.probabilities + label] ?? 0;
    sink.add(SUM.logLoss, -Math.log(clamped(likelihood)));
    sink.add(PER_CLASS_AT + 3 * label, 1);
    if (predicted >= 0) sink.add(PER_CLASS_AT + 3 * predicted + 1, 1);
    if (isHit === 1) sink.add(PER_CLASS_AT + 3 * label + 2, 1);
    this.#addCalibration(row, isHit, sink);
    this.#curves.forEach((curve, i) => {
      const bin = binOfProbability(row[ROW.probabilities + curve] ?? 0, this.#bins);
      const side = label === curve ? 0 : 1;
      sink.add(this.#curvesAt + (2 * i + side) * this.#bins + bin, 1);
    });
  }

  scores(sums: Float64Array, rows: readonly Float64Array[] | null): ClassScores {
    const weight = sums[SUM.weight] ?? 0;
    const part = (index: number): number | null => ratio(sums[index] ?? 0, weight);
    const f1 = this.#f1(sums);
    const seen = f1.filter((value) => value !== null);
    const accuracy = part(SUM.correct);
    const noChangeAccuracy = part(SUM.noChange);
    const majorityAccuracy = part(SUM.majority);
    return {
      weight,
      accuracy,
      noChangeAccuracy,
      majorityAccuracy,
      logLoss: part(SUM.logLoss),
      f1,
      macroF1: ratio(
        seen.reduce((sum, value) => sum + value, 0),
        seen.length,
      ),
      binaryF1: this.#count === 2 ? (f1[1] ?? null) : null,
      ...(rows === null ? this.#binnedAuc(sums) : this.#exactAuc(rows)),
      calibrationError: this.#calibrationError(sums, weight),
      kappa: beyond(accuracy, this.#agreementByChance(sums, weight)),
      kappaTemporal: beyond(accuracy, noChangeAccuracy),
      kappaM: beyond(accuracy, majorityAccuracy),
    };
  }

  /** Into the bin of the confidence, the probability of the class that was answered. */
  #addCalibration(row: Float64Array, isHit: number, sink: Sink): void {
    const predicted = row[ROW.predicted] ?? -1;
    const confidence = predicted < 0 ? 0 : (row[ROW.probabilities + predicted] ?? 0);
    const bins = this.#calibrationBins;
    const bin = Math.min(bins - 1, Math.floor(confidence * bins));
    const at = this.#calibrationAt + 3 * bin;
    sink.add(at, 1);
    sink.add(at + 1, confidence);
    sink.add(at + 2, isHit);
  }

  #calibrationError(sums: Float64Array, weight: number): number | null {
    let error = 0;
    for (let bin = 0; bin < this.#calibrationBins; bin++) {
      const at = this.#calibrationAt + 3 * bin;
      error += Math.abs((sums[at + 2] ?? 0) - (sums[at + 1] ?? 0));
    }
    return ratio(error, weight);
  }

  /** F1 = 2 · hits / (labels + answers). */
  #f1(sums: Float64Array): readonly (number | null)[] {
    return Array.from({ length: this.#count }, (_, c) => {
      const at = PER_CLASS_AT + 3 * c;
      return ratio(2 * (sums[at + 2] ?? 0), (sums[at] ?? 0) + (sums[at + 1] ?? 0));
    });
  }

  /** Σ_c labels_c · answers_c / weight². */
  #agreementByChance(sums: Float64Array, weight: number): number | null {
    let agreement = 0;
    for (let c = 0; c < this.#count; c++) {
      const at = PER_CLASS_AT + 3 * c;
      agreement += (sums[at] ?? 0) * (sums[at + 1] ?? 0);
    }
    return ratio(agreement, weight * weight);
  }

  #binnedAuc(sums: Float64Array): Pick<ClassScores, "auc" | "aucErrorMax"> {
    const curves = this.#curves.map((_, i) => {
      const at = this.#curvesAt + 2 * i * this.#bins;
      const middle = at + this.#bins;
      return binnedAuc(sums.subarray(at, middle), sums.subarray(middle, middle + this.#bins));
    });
    return {
      auc: mean(curves.map((curve) => curve?.auc ?? null)),
      aucErrorMax: mean(curves.map((curve) => curve?.errorMax ?? null)),
    };
  }

  #exactAuc(rows: readonly Float64Array[]): Pick<ClassScores, "auc" | "aucErrorMax"> {
    const auc = mean(
      this.#curves.map((curve) =>
        exactAuc(
          rows.map((row) => ({
            score: row[ROW.probabilities + curve] ?? 0,
            isPositive: row[ROW.label] === curve,
            weight: row[ROW.weight] ?? 0,
          })),
        ),
      ),
    );
    return { auc, aucErrorMax: auc === null ? null : 0 };
  }
}

function clamped(probability: number): number {
  // Written so that NaN becomes the least one, too.
  return probability > LEAST_PROBABILITY ? Math.min(1, probability) : LEAST_PROBABILITY;
}

function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

/** (value − by) / (1 − by): how much of what `by` leaves to be gained is gained. */
function beyond(value: number | null, by: number | null): number | null {
  return value === null || by === null || by >= 1 ? null : (value - by) / (1 - by);
}

/** Mean of those that are defined. */
function mean(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return ratio(
    defined.reduce((sum, value) => sum + value, 0),
    defined.length,
  );
}
