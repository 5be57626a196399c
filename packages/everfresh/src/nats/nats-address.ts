import { readFile } from "node:fs/promises";
import type { Transport } from "@everfresh/sync";
import { natsTransport } from "@everfresh/sync/nats";
import { connectNats } from "@everfresh/sync/nats/node";
import { ConfigError, UsageError } from "../errors.ts";

/** A model on a NATS server. */
export interface NatsAddress {
  /** As the library takes it; may name who asks. */
  readonly server: string;
  readonly model: string;
}

/** `nats+ws` and `nats+wss` are NATS by WebSocket; a plain `ws` is Everfresh's own. */
const ADDRESS = /^(nats|tls|nats\+wss?):\/\/([^/?#]+)(?:\/([^/?#]*))?$/;

/** Whether a text is the address of a NATS server, with or without a model. */
export function isNatsAddress(text: string): boolean {
  return /^(nats(\+wss?)?|tls):/.test(text);
}

/**
 * The server and the model that an address such as `nats://host:4222/digits` names.
 * @throws UsageError when it names no server, or no model
 */
export function parseNatsAddress(text: string): NatsAddress {
  const [, scheme = "", authority = "", model = ""] = ADDRESS.exec(text) ?? [];
  const server = `${scheme.replace("nats+", "")}://${authority}`;
  if (authority !== "" && model !== "") return { server, model: decodeURIComponent(model) };
  throw new UsageError(
    `"${withoutSecrets(text)}" names no model on a NATS server; give an address such as ` +
      `nats://127.0.0.1:4222/digits, or nats+ws://127.0.0.1:8080/digits by WebSocket`,
  );
}

/**
 * The server in an address with or without a model, as the library takes it.
 * @throws UsageError when it names none
 */
export function parseNatsServer(text: string): string {
  const [, scheme = "", authority = "", model = ""] = ADDRESS.exec(text) ?? [];
  if (authority !== "" && model === "") return `${scheme.replace("nats+", "")}://${authority}`;
  throw new UsageError(
    `"${withoutSecrets(text)}" is no address of a NATS server; give one such as ` +
      `nats://127.0.0.1:4222, or nats+ws://127.0.0.1:8080 by WebSocket`,
  );
}

/** The address by which `everfresh replica` finds a model that is published to these servers. */
export function natsAddressOf(servers: string | readonly string[], model: string): string {
  const [server = ""] = typeof servers === "string" ? [servers] : servers;
  return `${withoutSecrets(server).replace(/^ws/, "nats+ws")}/${encodeURIComponent(model)}`;
}

/**
 * Follows the model at an address.
 * @throws UsageError when it names none; ConfigError when the credentials cannot be read
 */
export async function natsTransportTo(
  address: string,
  credentialsFile: string | undefined,
): Promise<Transport> {
  const { server, model } = parseNatsAddress(address);
  return natsTransport({
    servers: server,
    model,
    connect: connectNats,
    ...(await readCredentials(credentialsFile)),
  });
}

/**
 * What is in a credentials file.
 * @throws ConfigError when it cannot be read
 */
export async function readCredentials(
  file: string | undefined,
): Promise<{ readonly credentials?: Uint8Array }> {
  if (file === undefined) return {};
  try {
    return { credentials: await readFile(file) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Credentials file ${file} cannot be read: ${reason}`, cause);
  }
}

function withoutSecrets(address: string): string {
  return address.replace(/^([a-z+]+:\/\/)[^/@]*@/, "$1");
}
