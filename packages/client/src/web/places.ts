import {
  indexedDbReplicaStore,
  type ReplicaStore,
  type Transport,
  webSocketTransport,
} from "@everfresh/sync";

import type { StorePlace, TransportPlace } from "./replica-protocol.ts";

/** A transport that every worker can open. */
export function webSocketAt(place: TransportPlace): Transport {
  if (place.kind !== "webSocket")
    throw new TypeError(`this worker cannot connect by ${place.kind}`);
  return webSocketTransport(place.url);
}

/** A store that every worker can open. */
export function indexedDbAt(place: StorePlace): ReplicaStore {
  if (place.kind !== "indexedDb") throw new TypeError(`this worker cannot keep in ${place.kind}`);
  return indexedDbReplicaStore(place.name);
}
