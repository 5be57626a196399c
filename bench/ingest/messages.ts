/** What the sender of the bench `ingest` is told. */
export type ToSender = {
  readonly kind: "send";
  /** Address of the model. */
  readonly model: string;
  readonly perSecond: number;
  readonly seconds: number;
  /** Samples of one request. */
  readonly batch: number;
};

/** What the sender of the bench `ingest` says. */
export type FromSender =
  | { readonly kind: "ready" }
  /** Now and then, so that nobody takes it for dead. */
  | { readonly kind: "sending" }
  | ({ readonly kind: "sent" } & Sent);

/** What was sent. */
export interface Sent {
  readonly samples: number;
  readonly seconds: number;
  /** As the server counted them. */
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
  /** Requests that were answered with 429, and sent again later. */
  readonly refused: number;
  /** Most that a request was later than its time, in milliseconds. */
  readonly lateMsMax: number;
  /** From sending a request to the answer that it is stored, in milliseconds; refused ones are not in it. */
  readonly answerMs: readonly number[];
}
