import type { Transport } from "@everfresh/sync";

import { webSocketUrl } from "./model-url.ts";

/** Where a model is: its address, or a way to it such as `natsTransport({ ... })`. */
export type ConnectTarget = string | URL | Transport;

/** What a {@link ConnectTarget} and the option `transport` come to. */
export interface ResolvedTarget {
  /** The WebSocket address; null where the target is a way itself. */
  readonly url: string | null;
  /** The way, if it is no plain WebSocket. */
  readonly transport: Transport | undefined;
}

/**
 * The way to a model.
 * @param transport takes the place of a WebSocket to the address
 * @throws InvalidUrlError when the target is an address that cannot lead to a model
 */
export function resolveTarget(
  target: ConnectTarget,
  transport: Transport | undefined,
): ResolvedTarget {
  if (typeof target === "object" && "open" in target) return { url: null, transport: target };
  return { url: webSocketUrl(target), transport };
}
