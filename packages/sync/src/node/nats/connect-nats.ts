import { connect, type NatsConnection, wsconnect } from "@nats-io/transport-node";

import type { NatsConnect } from "../../nats/nats-server.ts";

/**
 * Connects over what the address says: `nats://` and `tls://` by TCP, `ws://` and `wss://` by
 * WebSocket.
 */
export const connectNats: NatsConnect = (options): Promise<NatsConnection> => {
  const { servers } = options;
  const [address = ""] = typeof servers === "string" ? [servers] : (servers ?? []);
  if (/^wss?:/.test(address)) return wsconnect(options);
  // Otherwise TLS is taken where the server offers it.
  const isTls = address.startsWith("tls:") && options.tls === undefined;
  return connect(isTls ? { ...options, tls: {} } : options);
};
