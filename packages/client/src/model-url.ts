import { InvalidUrlError } from "./errors.ts";

const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ["ws:", "ws:"],
  ["wss:", "wss:"],
  ["http:", "ws:"],
  ["https:", "wss:"],
]);

/**
 * The WebSocket address of a model; http addresses are those of the same server.
 * @throws InvalidUrlError when it is no absolute address of one of these protocols
 */
export function webSocketUrl(url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text)) throw new InvalidUrlError(text);
  const { protocol, href } = new URL(text);
  const target = PROTOCOLS.get(protocol);
  if (target === undefined) throw new InvalidUrlError(text);
  return target + href.slice(protocol.length);
}
