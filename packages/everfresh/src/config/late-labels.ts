import { LearnOptionError } from "@everfresh/learn";

/** Labels that come later than their samples. */
export interface LateLabelsConfig {
  readonly kind: "late";
  readonly lagSamples: number;
  readonly expireAfterMs?: number;
  readonly pendingMax?: number;
}

/** Options of {@link lateLabels}. */
export interface LateLabelsOptions {
  /** How many samples later the label of a sample comes; 0 or more. */
  readonly lagSamples: number;
  /** How long a prediction waits for its label, in milliseconds. @default 7 days */
  readonly expireAfterMs?: number;
  /** Predictions that may wait; the oldest are given up first. @default 100,000 */
  readonly pendingMax?: number;
}

/**
 * Labels that come so many samples late: predictions are kept until then, the label scores the one that
 * was made when its sample arrived, and only then is the sample learned.
 * @throws LearnOptionError for a number that is out of its range
 */
export function lateLabels(options: LateLabelsOptions): LateLabelsConfig {
  const { lagSamples, expireAfterMs, pendingMax } = options;
  if (!Number.isSafeInteger(lagSamples) || lagSamples < 0) {
    throw new LearnOptionError("lagSamples", lagSamples, "a whole number of 0 or more");
  }
  if (expireAfterMs !== undefined && !(expireAfterMs > 0)) {
    throw new LearnOptionError("expireAfterMs", expireAfterMs, "a number above 0");
  }
  const waiting = pendingMax ?? Infinity;
  if (pendingMax !== undefined && !Number.isSafeInteger(pendingMax)) {
    throw new LearnOptionError("pendingMax", pendingMax, "a whole number of 1 or more");
  }
  // One more than are out at once; with fewer, none would ever meet its label.
  if (waiting <= lagSamples) {
    throw new LearnOptionError("pendingMax", waiting, `above lagSamples, which is ${lagSamples}`);
  }
  return { kind: "late", ...options };
}
