import { Random, systemClock } from "@everfresh/core";
import type { InferenceMode } from "@everfresh/engine";
import {
  openReplica,
  type ReplicaStore,
  type Runtime,
  type SignaturePolicy,
  type Transport,
  webSocketTransport,
} from "@everfresh/sync";

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
  /**
   * Keeps the model from one life of this process to the next: it answers at once then, offline too.
   * `fileReplicaStore` of @everfresh/sync/node keeps it in files, `indexedDbReplicaStore` in a
   * browser. @default nothing is kept
   */
  readonly store?: ReplicaStore;
  /** Hears why the store could not be read or written; the model serves on without it. */
  readonly onStoreError?: (error: unknown) => void;
  /** Whose models and updates are taken. @default anybody's, signed or not */
  readonly signatures?: SignaturePolicy;
  /** Another way to the server, such as `httpTransport(url)`. @default WebSocket to `url` */
  readonly transport?: Transport;
  /** Another engine. @default ONNX Runtime in a worker thread */
  readonly runtime?: Runtime;
}

/**
 * Brings a served model into this process and keeps it at the newest version, through lost
 * connections and server restarts, without ever interrupting predictions. With a store that has a
 * version it resolves with that one at once, and catches up as soon as it can.
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
  const { store, onStoreError, signatures } = options;
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
    ...(store === undefined ? {} : { store }),
    ...(onStoreError === undefined ? {} : { onStoreError }),
    ...(signatures === undefined ? {} : { signatures }),
    ...(signal === undefined ? {} : { signal }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  });
  return new ReplicaClient(replica);
}

/** Only spreads out reconnections, so it need not be repeatable. */
function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
