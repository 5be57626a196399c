import type { DriftRecord, DriftStatus, DriftVerdict } from "@everfresh/core";

/** Drift monitoring of one model: the JSON of `GET /v1/models/{name}/drift`. */
export interface DriftPage {
  readonly model: string;
  readonly status: DriftStatus;
  /** In the order of their ids: the newest, or those that follow the one that was asked for. */
  readonly records: readonly DriftRecord[];
  /** Whether there are later ones than these; they follow the id of the last. */
  readonly more: boolean;
  /** Messages about it; null where nobody is told. */
  readonly webhook: WebhookStatus | null;
}

/** What has become of messages since the process began. */
export interface WebhookStatus {
  readonly waiting: number;
  readonly delivered: number;
  /** Given up: too many waited, too many attempts failed, or the endpoint is gone. */
  readonly dropped: number;
  /** Attempts that failed. */
  readonly failedAttempts: number;
}

/** What the live page shows of drift monitoring. */
export interface DriftView {
  readonly status: DriftStatus;
  /** The newest records, the newest first; at most 20. */
  readonly records: readonly DriftRecord[];
  /** The past, oldest first; at most 300 points. */
  readonly series: readonly DriftPoint[];
}

/** One moment of the past. */
export interface DriftPoint {
  /** Samples that were predicted. */
  readonly samples: number;
  /** Version that was deployed. */
  readonly version: number;
  readonly verdict: DriftVerdict;
  readonly likelihood: number;
  /** What the verdict went by: evidence of all signals together; null before there was any. */
  readonly together: number | null;
  /**
   * Of each signal, in the order of the status: samples between two such chances on a stable stream,
   * so that all of them have one scale and one band; null where it had nothing to say.
   */
  readonly evidence: readonly (number | null)[];
}
