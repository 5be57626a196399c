/** What the server of the bench `fan-out` is told. */
export type ToServer =
  | { readonly kind: "serve"; readonly updates: readonly Uint8Array[] }
  /** Say how much memory and time this process has used. */
  | { readonly kind: "usage" }
  /** Publish the next `count` updates at equal distances. */
  | { readonly kind: "publish"; readonly perSecond: number; readonly count: number };

/** What the server of the bench `fan-out` says. */
export type FromServer =
  | { readonly kind: "serving"; readonly feedUrl: string }
  | ({ readonly kind: "usage" } & Usage)
  | {
      readonly kind: "published";
      readonly firstVersion: number;
      /** When each update was given to the feed, on the machine's clock. */
      readonly atMs: readonly number[];
      /** How long the feed took to hand it to all connections. */
      readonly handedOverMs: readonly number[];
      /** Whether the feed had heard all acknowledgements of the last one, and when. */
      readonly acknowledged: number;
    };

/** What a process has used. */
export interface Usage {
  /** Resident memory after a collection, in bytes. */
  readonly residentBytes: number;
  /** Most resident memory since the last question, in bytes, looked at every few milliseconds. */
  readonly residentBytesMax: number;
  /** Processor time since the last question, in seconds. */
  readonly cpuSeconds: number;
  readonly replicas: number;
}

/** What the clients of the bench `fan-out` are told. */
export type ToClients =
  | { readonly kind: "join"; readonly feedUrl: string; readonly connections: number }
  /** Note when each of so many versions from here on is checked. */
  | { readonly kind: "watch"; readonly firstVersion: number; readonly versions: number };

/** What the clients of the bench `fan-out` say. */
export type FromClients =
  | {
      readonly kind: "joined";
      /** From the decision to connect to the checked snapshot, of each replica. */
      readonly joinMs: readonly number[];
      readonly bytesPerJoin: number;
      readonly seconds: number;
    }
  | { readonly kind: "watching" }
  | {
      readonly kind: "checked";
      /** When each replica had checked each version: versions one after another, on the machine's clock. */
      readonly atMs: Float64Array;
      readonly cpuSeconds: number;
    }
  | { readonly kind: "failed"; readonly message: string };
