/**
 * What drift monitoring says to people and programs, as plain JSON: the same in the library, over HTTP
 * and on the page.
 */

/** How sure a detector is that the stream has changed. */
export type DriftVerdict = "stable" | "warning" | "drift";

/** What signals go by: samples alone, a model's doubts about them, or its errors once labels are there. */
export type SignalFamily = "data" | "uncertainty" | "error";

/** A place in a stream. */
export interface DriftPosition {
  /** Number of the sample among all that were predicted. */
  readonly sequence: number;
  /** When it happened, in milliseconds since the Unix epoch; null where that is not known. */
  readonly eventTimeMs: number | null;
}

/** Something that has moved, and by how much in the signal's own measure. */
export interface MovedPart {
  /** Of a feature or a class. */
  readonly name: string;
  readonly value: number;
}

/** One signal as it is now. */
export interface DriftSignalStatus {
  readonly name: string;
  readonly family: SignalFamily;
  /** What it would say alone, with its part of the budget. */
  readonly verdict: DriftVerdict;
  /** Its statistic, more being worse; null before there is one. */
  readonly value: number | null;
  /** Where it alone makes a warning, and a drift; null where that is not known. */
  readonly warningAt: number | null;
  readonly driftAt: number | null;
  /** How likely a stable stream shows as much by chance; null without. */
  readonly pValue: number | null;
  /** Samples between two such chances on a stable stream; null without data. */
  readonly evidence: number | null;
  /** How many of its values ago the change was, as estimated; null without an estimate. */
  readonly changeAgo: number | null;
  /** Values since it last began anew. */
  readonly taken: number;
  /** Values that were missing or no numbers, ever. */
  readonly ignored: number;
  /** Drifts that it had a part in, ever. */
  readonly alarms: number;
  /**
   * Part of the stream that it looks at, above 0, at most 1. To be seen as soon, a change must be about
   * 1 / √share times as large; the same change takes 1 / share times as many samples.
   */
  readonly share: number;
  /** The features or classes that have moved most, at most 5. */
  readonly moved: readonly MovedPart[];
}

/** One family as it is now. */
export interface DriftFamilyStatus {
  readonly family: SignalFamily;
  readonly verdict: DriftVerdict;
  /** How likely a stable stream shows as much within `withinSamples` by chance; null without data. */
  readonly pValue: number | null;
  /** Whether any of its signals has seen enough to say something. */
  readonly hasData: boolean;
}

/** What was odd so far; none of it stops anything. */
export interface DriftCounts {
  /** Values that signals could not take. */
  readonly ignored: number;
  /** Labels, or expiries, of samples that were never predicted here. */
  readonly unknownIds: number;
  /** Labels of samples that had one. */
  readonly duplicateLabels: number;
  /** Samples whose labels were given up. */
  readonly expired: number;
  /** Labels that came after their sample was given up or passed over. */
  readonly tooLate: number;
  /** Labels that came before that of an earlier sample, and waited. */
  readonly reordered: number;
  /** Samples without a label that held up too many others, and were passed over. */
  readonly passedOver: number;
  /** Samples whose event time was before that of an earlier one. */
  readonly clockBackwards: number;
  /** Samples whose sequence was not above that of the one before: not looked at. */
  readonly outOfSequence: number;
  /** Labels of classes that the model does not have: they count as errors. */
  readonly unseenClasses: number;
  /** Features, in a sample each, that were missing, NaN or infinite. */
  readonly missingFeatures: number;
}

/** Drift monitoring as it is now. */
export interface DriftStatus {
  readonly verdict: DriftVerdict;
  /** Probability that the stream has changed within the last `withinSamples` samples, 0 to 1. */
  readonly likelihood: number;
  readonly withinSamples: number;
  /** When the change was, as estimated; null where nothing has changed. */
  readonly since: DriftPosition | null;
  /** Samples predicted, and labels looked at. */
  readonly samples: number;
  readonly labelled: number;
  /** One or two plain sentences. */
  readonly explanation: string;
  /** What the verdict goes by: samples between two chances of a stable stream to show as much together. */
  readonly evidence: number | null;
  /** How signals become a verdict. */
  readonly vote: string;
  /** Samples between two false alarms, and false warnings, of all signals together. */
  readonly falseAlarmEvery: number;
  readonly falseWarningEvery: number;
  readonly families: readonly DriftFamilyStatus[];
  readonly signals: readonly DriftSignalStatus[];
  readonly counts: DriftCounts;
  /** Records ever made; the newest are kept. */
  readonly records: number;
}

/** What was done about a verdict. */
export interface DriftActionRecord {
  readonly kind: "nothing" | "warn" | "newData" | "window" | "rewarm" | "retrain" | "rollBack";
  /** Positions of the history that training was to go by, `to` excluded; null for all. */
  readonly range: { readonly from: number; readonly to: number } | null;
  /** Which samples of the range; null for all. */
  readonly filter: string | null;
  readonly why: string;
  /** Versions from the one that it was decided at to the first that it led to; null where not known. */
  readonly versions: { readonly from: number; readonly to: number | null } | null;
}

/** What of a signal has moved. */
export interface SignalMovement {
  /** Its name. */
  readonly signal: string;
  /** The features or classes that have moved most, at most 5. */
  readonly parts: readonly MovedPart[];
}

/** A warning or a drift that was seen, and what became of it. */
export interface DriftRecord {
  /** Ascending from 1. */
  readonly id: number;
  /** When it was seen: the newest sample then. */
  readonly at: DriftPosition;
  /** Version that was deployed then. */
  readonly version: number;
  readonly verdict: "warning" | "drift";
  readonly likelihood: number;
  /** When the change was, as estimated; null without an estimate. */
  readonly since: DriftPosition | null;
  /** Names of the signals that it goes back to, the strongest first. */
  readonly signals: readonly string[];
  /** Which features or classes had moved in each of them. */
  readonly moved: readonly SignalMovement[];
  readonly explanation: string;
  /**
   * Of a drift: whether labels of the samples since then agree; unsettled where too few came before the
   * model that it was seen by was another one. Of a warning: confirmed by a drift, withdrawn when it was
   * over without one.
   */
  readonly outcome: "open" | "confirmed" | "withdrawn" | "unsettled";
  readonly outcomeAt: DriftPosition | null;
  readonly action: DriftActionRecord | null;
}

/** The verdict has changed, or what has become of an earlier one is known. */
export interface DriftVerdictReport {
  readonly verdict: DriftVerdict;
  readonly likelihood: number;
  readonly since: DriftPosition | null;
  /** The record that it made or changed; null where a drift is over. */
  readonly record: DriftRecord | null;
  readonly explanation: string;
}
