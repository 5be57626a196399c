/** What the publisher of the bench `load` is told. */
export type ToPublisher =
  | { readonly kind: "serve"; readonly updates: readonly Uint8Array[] }
  /** Publish the next `count` updates at equal distances. */
  | { readonly kind: "replay"; readonly perSecond: number; readonly count: number };

/** What the publisher of the bench `load` says. */
export type FromPublisher =
  | { readonly kind: "serving"; readonly feedUrl: string }
  | { readonly kind: "replayed"; readonly version: number; readonly fingerprint: string };
