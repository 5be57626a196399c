/** The feed's side of a connection to one replica, whatever carries it. */
export interface FeedConnection {
  /**
   * Sends one binary frame; never blocks. The frame is shared between connections: not to be
   * changed.
   */
  send(frame: Uint8Array): void;
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedBytes: number;
  /** Closes after what was sent; `code` is a WebSocket close code, `reason` at most 123 bytes. */
  close(code: number, reason: string): void;
}

/** What the carrier of a connection tells the feed. */
export interface FeedSession {
  /** Name of this replica within the feed. */
  readonly id: string;
  /** A frame came in. Never throws: a malformed one ends this connection. */
  receive(frame: Uint8Array): void;
  /** The connection is gone. May be called more than once. */
  closed(): void;
}

/** Bounds of a {@link Feed}; all have defaults. */
export interface FeedLimits {
  /** Replicas at a time; more are turned away. @default 10,000 */
  readonly connectionsMax?: number;
  /**
   * Bytes waiting in one connection, beyond one snapshot, before it gets no more. @default 1 MiB
   */
  readonly bufferedBytesMax?: number;
  /** Least time between two answers to one replica that asks again. @default 1,000 ms */
  readonly snapshotIntervalMs?: number;
  /**
   * Bytes of updates that are kept in memory, and as many that are read from the log, for replicas
   * that are behind. @default 8 MiB
   */
  readonly historyBytesMax?: number;
  /** A replica that got no update for so long, or up to twice that, gets `head`. @default 2,000 ms */
  readonly beatMs?: number;
  /** How long a new connection may take to say hello. @default 10,000 ms */
  readonly helloMs?: number;
}

/** The defaults of {@link FeedLimits}, each with its reason. */
export const FEED_LIMITS: Required<FeedLimits> = {
  connectionsMax: 10_000, // twice what one process was measured to serve
  bufferedBytesMax: 1024 * 1024, // thousands of updates: a replica behind that is cheaper to reset
  snapshotIntervalMs: 1_000, // a replica that can never apply costs one snapshot a second at most
  historyBytesMax: 8 * 1024 * 1024, // an hour of LeNet-5 at 20 updates of 100 bytes per second
  beatMs: 2_000, // a lost tail of updates is noticed within twice this time; 60 bytes each
  helloMs: 10_000, // a slow handshake over a bad mobile network
};

/** A connected replica. */
export interface FeedReplica {
  readonly id: string;
  /** Last acknowledged version; −1 before the first acknowledgement. */
  readonly version: number;
  /** Last acknowledged fingerprint; empty before the first acknowledgement. */
  readonly fingerprint: string;
  /** Milliseconds since the Unix epoch. */
  readonly joinedAtMs: number;
  /** Milliseconds since the Unix epoch; null before the first acknowledgement. */
  readonly lastAckMs: number | null;
}

/** A replica's word that it serves a version. */
export interface FeedAck {
  readonly replicaId: string;
  readonly version: number;
  /** From publishing that version to this acknowledgement, in milliseconds. */
  readonly latencyMs: number;
}
