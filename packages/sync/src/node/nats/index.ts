/**
 * NATS in Node: connections by TCP, and the trainer's side. What follows a model works everywhere:
 * `@everfresh/sync/nats`.
 * @module
 */
export { connectNats } from "./connect-nats.ts";
export { NatsFeed, type NatsFeedOptions, type NatsFeedState } from "./nats-feed.ts";
export { NATS_FEED_LIMITS, type NatsFeedLimits } from "./nats-feed-limits.ts";
