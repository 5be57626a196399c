/** What a policy came to in a case. */
export interface DriftRow {
  readonly policy: string;
  /** Of predictions, 0 to 1; null where the case has errors without a model that makes them. */
  readonly accuracy: number | null;
  /** All alarms, over all seeds. */
  readonly alarms: number;
  /** Alarms that are about no change, per 10,000 samples; null where nobody knows the changes. */
  readonly falseAlarmsPer10k: number | null;
  /** Samples from the change to the first alarm after it; null without one. */
  readonly medianDelay: number | null;
  /** Part of the changes that were seen in the samples after it, 0 to 1; null where there are none. */
  readonly detectedShare: number | null;
  /** Time of an update, in microseconds. */
  readonly microsPerUpdate: number;
}
