import type { SignalFamily } from "@everfresh/core";
import { LearnOptionError } from "../../errors.ts";
import { checkDetectorSpec, type DetectorSpec } from "../detectors/detector-spec.ts";
import { checkMembers, MEMBERS_DEFAULT } from "../uncertainty/pinned-members.ts";
import type { ReconstructionSpec } from "../reconstruction/reconstruction-spec.ts";
import { completeTwoSampleSpec, type TwoSampleSpec } from "../two-sample/two-sample-spec.ts";

/**
 * What a signal looks at:
 *
 * - of samples: `features`, an `embedding` of the pinned model (both rows of numbers), or how badly an
 *   auto-encoder does, `reconstruction`
 * - of the pinned model's doubts: `entropy`, `margin`, `disagreement`, and `expectedError`, what its
 *   confidence was worth on earlier labels
 * - of labels: `errors` and `loss` of the pinned model, `deployedErrors`, and `gradient`, a number per
 *   training step
 */
export type SignalInput =
  | "features"
  | "embedding"
  | "reconstruction"
  | "entropy"
  | "margin"
  | "disagreement"
  | "expectedError"
  | "errors"
  | "deployedErrors"
  | "loss"
  | "gradient";

/** Two samples of rows or, of a signal of single numbers, of these. */
export type RowsSpec = Omit<TwoSampleSpec, "features">;

/** A signal of the ensemble, as plain data. */
export interface MonitoredSignalSpec {
  /** For people, in lower-case words: "feature distance". No two signals have the same. */
  readonly name: string;
  readonly input: SignalInput;
  /**
   * `features` and `embedding` need two samples; everything else takes those or a detector. The
   * budgets in here do not count: all signals share the ensemble's.
   */
  readonly detector: DetectorSpec | RowsSpec;
  /** Looks at one value in so many. @default as many as the cost budget allows */
  readonly everySamples?: number;
}

/**
 * How signals become one verdict:
 *
 * - `calibrated`: the mean of their evidences, against the ensemble's budget
 * - `majority`: more than half of the families that have data have seen a change at about that time
 * - `weighted`: the same by the families' weights
 */
export type DriftVote = "calibrated" | "majority" | "weighted";

/** Where in a model an embedding is taken from, as plain data. */
export interface EmbeddingSpec {
  /** Name of a value of the model's graph, float32 with one row per sample. @default what its last layer takes */
  readonly layer?: string;
}

/** How a stream is watched for drift, as plain data. */
export interface DriftSpec {
  /** @default {@link defaultSignals} */
  readonly signals?: readonly MonitoredSignalSpec[];
  /** @default "calibrated" */
  readonly vote?: DriftVote;
  /** What families weigh; 0 or more. @default 1, 1 and 2: errors are what matters */
  readonly weights?: Partial<Readonly<Record<SignalFamily, number>>>;
  /**
   * Mean number of samples between two false alarms of all signals together on a stable stream; 1,000
   * or more. @default 25,000
   */
  readonly falseAlarmEvery?: number;
  /** The same for warnings; 100 or more, no more than for alarms. @default a quarter of that */
  readonly falseWarningEvery?: number;
  /** Mean number of samples between two true changes, for the likelihood. @default 5,000 */
  readonly changeEvery?: number;
  /** What the likelihood, and the withdrawal of a drift, go by; 100 or more. @default 1,000 */
  readonly withinSamples?: number;
  /**
   * Time per sample that all signals may take, in microseconds; above 0. Costly ones look at one sample
   * in so many, by what they are known to take. @default 100
   */
  readonly microsPerSample?: number;
  /** What signals of an `embedding` look at. @default what the model's last layer takes */
  readonly embedding?: EmbeddingSpec;
  /** How the auto-encoder of signals of `reconstruction` learns. */
  readonly reconstruction?: Omit<ReconstructionSpec, "everySamples">;
  /** Past versions that signals of `disagreement` ask; 2 to 32. @default 4 */
  readonly members?: number;
  /** Records that are kept, the newest; 1 or more. @default 1,000 */
  readonly historyRecords?: number;
  /** Labels that wait for that of an earlier sample, at most; 0 or more. @default 1,000 */
  readonly heldLabels?: number;
}

/** A specification with every default filled in. */
export interface CompleteDriftSpec extends Required<DriftSpec> {
  readonly weights: Readonly<Record<SignalFamily, number>>;
}

/** The family that an input belongs to. */
export const FAMILY_OF: { readonly [K in SignalInput]: SignalFamily } = {
  features: "data",
  embedding: "data",
  reconstruction: "data",
  entropy: "uncertainty",
  margin: "uncertainty",
  disagreement: "uncertainty",
  expectedError: "uncertainty",
  errors: "error",
  deployedErrors: "error",
  loss: "error",
  gradient: "error",
};

/**
 * Inputs that take a run of a model for each value: only for the samples whose turn it is, by their
 * sequence, so that whoever feeds a monitor knows them beforehand.
 */
export const COSTLY_INPUTS: readonly SignalInput[] = [
  ...(["embedding", "reconstruction", "disagreement"] as const),
];

const WEIGHTS_DEFAULT: Readonly<Record<SignalFamily, number>> = {
  data: 1,
  uncertainty: 1,
  error: 2,
};

/** More signals than this are no ensemble that anyone can read. */
const SIGNALS_MAX = 32;

/** What a classifier is watched by unless told otherwise: a few cheap signals of each family. */
export function defaultSignals(): readonly MonitoredSignalSpec[] {
  return [
    {
      name: "feature distance",
      input: "features",
      detector: { kind: "twoSample", statistic: "hellinger" },
    },
    { name: "margin", input: "margin", detector: { kind: "changeScan", direction: "both" } },
    {
      name: "expected error",
      input: "expectedError",
      detector: { kind: "changeScan", direction: "both" },
    },
    { name: "errors", input: "errors", detector: { kind: "changeScan" } },
    { name: "deployed errors", input: "deployedErrors", detector: { kind: "changeScan" } },
  ];
}

/**
 * Checks a specification and fills in what is missing.
 * @throws LearnOptionError for a number that is out of its range, a name that is there twice, or a
 * detector that does not take what the signal looks at
 */
export function completeDriftSpec(spec: DriftSpec): CompleteDriftSpec {
  const { signals = defaultSignals(), vote = "calibrated", falseAlarmEvery = 25_000 } = spec;
  const { falseWarningEvery = falseAlarmEvery / 4, changeEvery = 5_000 } = spec;
  const { withinSamples = 1_000, microsPerSample = 100, historyRecords = 1_000 } = spec;
  const { heldLabels = 1_000, members = MEMBERS_DEFAULT } = spec;
  const { embedding = {}, reconstruction = {} } = spec;
  const weights = { ...WEIGHTS_DEFAULT, ...spec.weights };
  if (!["calibrated", "majority", "weighted"].includes(vote)) {
    throw new LearnOptionError("vote", vote, "calibrated, majority or weighted");
  }
  checkNumber("falseAlarmEvery", falseAlarmEvery, [1_000, Number.MAX_SAFE_INTEGER]);
  checkNumber("falseWarningEvery", falseWarningEvery, [100, falseAlarmEvery]);
  checkNumber("changeEvery", changeEvery, [1, Number.MAX_SAFE_INTEGER]);
  checkNumber("withinSamples", withinSamples, [100, 1_000_000]);
  checkNumber("microsPerSample", microsPerSample, [Number.MIN_VALUE, 1e9]);
  checkNumber("historyRecords", historyRecords, [1, 1_000_000]);
  checkNumber("heldLabels", heldLabels, [0, 100_000]);
  for (const [family, weight] of Object.entries(weights)) {
    checkNumber(`weights.${family}`, weight, [0, 1e6]);
  }
  checkMembers(members);
  checkSignals(signals);
  return {
    ...{ signals, vote, weights, falseAlarmEvery, falseWarningEvery, changeEvery },
    ...{ withinSamples, microsPerSample, historyRecords, heldLabels },
    ...{ embedding, reconstruction, members },
  };
}

/** Whether a detector compares two samples of rows. */
export function isRowsSpec(detector: DetectorSpec | RowsSpec): detector is RowsSpec {
  return detector.kind === "twoSample";
}

function checkSignals(signals: readonly MonitoredSignalSpec[]): void {
  if (signals.length < 1 || signals.length > SIGNALS_MAX) {
    throw new LearnOptionError("signals", signals.length, `1 to ${SIGNALS_MAX} of them`);
  }
  const names = new Set<string>();
  for (const { name, input, detector, everySamples = 1 } of signals) {
    if (name === "" || names.has(name)) {
      throw new LearnOptionError("the name of a signal", name, "one that no other signal has");
    }
    names.add(name);
    if (!(input in FAMILY_OF)) {
      const needed = Object.keys(FAMILY_OF).join(", ");
      throw new LearnOptionError(`the input of "${name}"`, input, `one of ${needed}`);
    }
    checkNumber(`everySamples of "${name}"`, everySamples, [1, 1_000_000]);
    if (!Number.isSafeInteger(everySamples)) {
      throw new LearnOptionError(`everySamples of "${name}"`, everySamples, "a whole number");
    }
    if (isRowsSpec(detector)) checkRowsSpec(detector);
    else checkDetectorSpec(detector);
    if ((input === "features" || input === "embedding") && !isRowsSpec(detector)) {
      throw new LearnOptionError(`the detector of "${name}"`, detector.kind, "twoSample");
    }
  }
}

/** Whatever its budget is, which does not count. */
function checkRowsSpec(detector: RowsSpec): void {
  const budget = 2 * (detector.everySamples ?? 50);
  const budgets = { falseAlarmEvery: budget, falseWarningEvery: budget };
  completeTwoSampleSpec({ ...detector, ...budgets, features: 1 });
}

function checkNumber(
  option: string,
  value: number,
  [least, most]: readonly [number, number],
): void {
  if (!(Number.isFinite(value) && value >= least && value <= most)) {
    throw new LearnOptionError(option, value, `a number from ${least} to ${most}`);
  }
}
