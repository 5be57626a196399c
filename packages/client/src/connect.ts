import { Random, systemClock } from "@everfresh/core";
import type { InferenceMode } from "@everfresh/engine";
import { openReplica, type Runtime, type Transport, webSocketTransport } from "@everfresh/sync";

import { type Client, ReplicaClient } from "./client.ts";
import { engineRuntime } from "./engine-runtime.ts";
import { webSocketUrl } from "./model-url.ts";

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** Disposes the client when aborted, at any time. */
  readonly signal?: AbortSignal;
  /** How long the first version may take to arrive, in milliseconds. @default 15,000 */
  readonly connectTimeoutMs?: number;
  /** Threads of one prediction. @default 1 */
  readonly threads?: number;
  /**
   * How updates reach predictions: "patch" at the next one, "bake" up to a second later but with the
   * speed of a model that never changes. Each prediction says which version it comes from.
   * @default "auto": what a short measurement of the model finds faster
   */
  readonly mode?: InferenceMode | "auto";
  /** Another way to the server. @default WebSocket to `url` */
  readonly transport?: Transport;
  /** Another engine. @default ONNX Runtime in a worker thread */
  readonly runtime?: Runtime;
}

/**
 * Brings a served model into this process and keeps it at the newest version, through lost
 * connections and server restarts, without ever interrupting predictions.
 *
 * @param url such as ws://127.0.0.1:7070/v1/models/digits; http and https addresses are fine too
 * @throws InvalidUrlError when `url` cannot lead to a model
 * @throws ConnectError when no version has arrived in time, with the last cause
 * @example
 * await using model = await connect("ws://127.0.0.1:7070/v1/models/digits");
 * const { label, version } = await model.predict({ image });
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Client> {
  const { signal, connectTimeoutMs, threads, mode, transport, runtime } = options;
  const address = webSocketUrl(url);
  const replica = await openReplica({
    transport: transport ?? webSocketTransport(address),
    runtime:
      runtime ??
      engineRuntime({
        ...(threads === undefined ? {} : { threads }),
        ...(mode === undefined ? {} : { mode }),
      }),
    clock: systemClock,
    random: new Random(randomSeed()),
    ...(signal === undefined ? {} : { signal }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  });
  return new ReplicaClient(replica);
}

/** Only spreads out reconnections, so it need not be repeatable. */
function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
