import {
  type Connection,
  httpTransport as httpTransportHere,
  type HttpTransportOptions,
  indexedDbReplicaStore as indexedDbReplicaStoreHere,
  type ReplicaStore,
  type StoredReplica,
  type Transport,
  webSocketTransport as webSocketTransportHere,
} from "@everfresh/sync";

import type { StorePlace, TransportPlace } from "./replica-protocol.ts";

/** A transport of which a worker can open its own. */
export class PlacedTransport implements Transport {
  readonly address: string;
  readonly place: TransportPlace;
  readonly #here: Transport;

  /** @param here the same in this thread */
  constructor(place: TransportPlace, here: Transport) {
    this.address = here.address;
    this.place = place;
    this.#here = here;
  }

  open(signal: AbortSignal): Promise<Connection> {
    return this.#here.open(signal);
  }
}

/** A store of which a worker can open its own. */
export class PlacedStore implements ReplicaStore {
  readonly place: StorePlace;
  readonly #here: ReplicaStore;

  /** @param here the same in this thread */
  constructor(place: StorePlace, here: ReplicaStore) {
    this.place = place;
    this.#here = here;
  }

  load(): Promise<StoredReplica | null> {
    return this.#here.load();
  }

  save(state: Omit<StoredReplica, "updates">): Promise<void> {
    return this.#here.save(state);
  }

  append(updates: readonly Uint8Array[]): Promise<void> {
    return this.#here.append(updates);
  }
}

/**
 * Connects over a WebSocket that the replica's worker opens.
 * @param url starting with ws:// or wss://
 */
export function webSocketTransport(url: string): Transport {
  return new PlacedTransport({ kind: "webSocket", url }, webSocketTransportHere(url));
}

/**
 * Follows a model by plain HTTP, from the replica's worker; from the page when `options` have parts of
 * their own, such as another `fetch`.
 * @param url of the model, starting with http:// or https://
 */
export function httpTransport(url: string, options: HttpTransportOptions = {}): Transport {
  const here = httpTransportHere(url, options);
  const { pollMs, pollMsMax, fetch, timers, clock, random } = options;
  if ([fetch, timers, clock, random].some((part) => part !== undefined)) return here;
  const place = {
    kind: "http",
    url,
    ...(pollMs === undefined ? {} : { pollMs }),
    ...(pollMsMax === undefined ? {} : { pollMsMax }),
  } as const;
  return new PlacedTransport(place, here);
}

/**
 * A replica's store in IndexedDB, which the replica's worker opens: one database per model.
 * @param name of the database, such as "everfresh:digits"
 */
export function indexedDbReplicaStore(name: string): ReplicaStore {
  return new PlacedStore({ kind: "indexedDb", name }, indexedDbReplicaStoreHere(name));
}
