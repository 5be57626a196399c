import { absolutePaths, RuntimeUnavailableError } from "@everfresh/engine/in-thread";
import type { ReplicaStore, SignaturePolicy, Transport } from "@everfresh/sync";

import { type Client, ReplicaClient } from "../client.ts";
import type { ConnectOptions } from "../connect-options.ts";
import { type ConnectTarget, resolveTarget } from "../connect-target.ts";
import { offerStore, offerTransport } from "./page-services.ts";
import { PlacedStore, PlacedTransport } from "./placed.ts";
import { openRemoteReplica } from "./remote-replica.ts";
import type { SentPolicy, StorePlace, TransportPlace } from "./replica-protocol.ts";

/**
 * Brings a served model into this page and keeps it at the newest version. The replica is in a Web
 * Worker: the page's own thread never sees the model's state, nor its updates. Otherwise as in Node.
 *
 * @param target such as wss://models.example/v1/models/digits; http and https addresses are fine too,
 * and so is a way to the model such as `natsTransport({ ... })`, which then runs in the page's thread
 * @throws InvalidUrlError when it is an address that cannot lead to a model
 * @throws ConnectError when no version has arrived in time, with the reason of the last attempt
 * @throws RuntimeUnavailableError when the page has no Web Workers or no WebAssembly, or its
 * Content-Security-Policy forbids them; and for a `runtime`: those go with @everfresh/client/edge
 */
export async function connect(
  target: ConnectTarget,
  options: ConnectOptions = {},
): Promise<Client> {
  const { store, runtime, wasmPaths, signal, onStoreError, signatures } = options;
  const { mode = "patch", threads = 1 } = options;
  const { url, transport } = resolveTarget(target, options.transport);
  if (runtime !== undefined) {
    throw new RuntimeUnavailableError(
      "A runtime of the page's own runs in the page's thread, not in a worker: " +
        "use connect() of @everfresh/client/edge with it",
    );
  }
  const setup = {
    transport: placeOfTransport(transport, url ?? ""),
    store: store === undefined ? null : placeOfStore(store),
    signatures: signatures === undefined ? null : sentPolicy(signatures),
    connectTimeoutMs: options.connectTimeoutMs ?? null,
    threads,
    mode,
    wasmPaths: wasmPaths === undefined ? null : absolutePaths(wasmPaths, location.href),
  };
  const places = [setup.transport, setup.store];
  const transfer = places.flatMap((place) => (place?.kind === "page" ? [place.port] : []));
  const isPlain =
    mode === "patch" &&
    setup.transport.kind === "webSocket" &&
    (setup.store === null || setup.store.kind === "indexedDb");
  const start = options.worker ?? (isPlain ? startWorker : startFullWorker);
  return new ReplicaClient(
    await openRemoteReplica(start, setup, { transfer, signal, onStoreError }),
  );
}

function placeOfTransport(transport: Transport | undefined, url: string): TransportPlace {
  if (transport === undefined) return { kind: "webSocket", url };
  return transport instanceof PlacedTransport ? transport.place : offerTransport(transport);
}

function placeOfStore(store: ReplicaStore): StorePlace {
  return store instanceof PlacedStore ? store.place : offerStore(store);
}

function sentPolicy({ required, keys }: SignaturePolicy): SentPolicy {
  return { required, keys: keys.map(({ bytes }) => bytes) };
}

// Bundlers find workers by exactly this expression. They are two because what makes graphs with
// constant weights, plain HTTP and the like are nothing that most pages should load.
function startWorker(): Worker {
  return new Worker(new URL("./replica.worker.js", import.meta.url), { type: "module" });
}

function startFullWorker(): Worker {
  return new Worker(new URL("./full-replica.worker.js", import.meta.url), { type: "module" });
}
