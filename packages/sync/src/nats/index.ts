/**
 * Follows a model over NATS JetStream. Portable, over WebSockets; `@everfresh/sync/nats/node` has TCP
 * and the trainer's side.
 * @module
 */
export { NatsError, type NatsFault } from "../errors.ts";
export type { NatsConnect, NatsServer } from "./nats-server.ts";
export { natsTransport, type NatsTransportOptions } from "./nats-transport.ts";
