import { BACKOFF_LIMITS, type BackoffLimits } from "../../replica/backoff.ts";

/** Bounds of a `NatsFeed`; all have defaults. */
export interface NatsFeedLimits {
  /** Updates that the stream keeps, where it is made here. @default 65,536 */
  readonly messagesMax?: number;
  /** Bytes of updates that the stream keeps, where it is made here. @default 64 MiB */
  readonly bytesMax?: number;
  /** Copies of stream and bucket in a cluster, where they are made here. @default 1 */
  readonly copies?: number;
  /** Bytes of updates that wait in memory while the server is slow or away. @default 8 MiB */
  readonly waitingBytesMax?: number;
  /** Least time between two anchors. @default 5,000 ms */
  readonly anchorIntervalMs?: number;
  /** Waiting times between attempts to reach the server. @default {@link BACKOFF_LIMITS} */
  readonly backoff?: BackoffLimits;
  /** How long closing waits for what was published last. @default 2,000 ms */
  readonly closeMs?: number;
}

/** The defaults of {@link NatsFeedLimits}, each with its reason. */
export const NATS_FEED_LIMITS: Required<NatsFeedLimits> = {
  messagesMax: 65_536, // nearly an hour at 20 updates per second
  bytesMax: 64 * 2 ** 20, // the server sets as much aside for each model
  copies: 1, // a server that stands alone can keep no more
  waitingBytesMax: 8 * 2 ** 20, // as much as a feed keeps of what it has published
  anchorIntervalMs: 5_000, // replicas that ask for one, however many, cost one each time
  backoff: BACKOFF_LIMITS,
  closeMs: 2_000, // a program that is told to end does so while somebody waits
};
