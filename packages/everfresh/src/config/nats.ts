import type { NatsFeedLimits } from "@everfresh/sync/nats/node";

/** Options of {@link nats}. */
export interface NatsOptions {
  /**
   * One server, or several of a cluster, tried in this order: `nats://host:4222` and `tls://...` by
   * TCP, `ws://...` and `wss://...` by WebSocket. They may say who asks, as `nats://user:password@...`.
   */
  readonly servers: string | readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Path of a credentials file, as `nsc` writes it; relative to the configuration file. */
  readonly credentials?: string;
  /** How much is kept there. @default see `NATS_FEED_LIMITS` of @everfresh/sync/nats/node */
  readonly limits?: NatsFeedLimits;
}

/** A NATS server that a model is published to. */
export interface NatsPublication extends NatsOptions {
  readonly kind: "nats";
}

/** Publishes a model to a NATS server with JetStream too, for replicas that follow it there. */
export function nats(options: NatsOptions): NatsPublication {
  return { kind: "nats", ...options };
}
