/** The page that a browser opens in the test: a replica that follows over NATS. */
import { type Client, connect, type ReplicaStatus } from "@everfresh/client";
import { natsTransport } from "@everfresh/sync/nats";

/** What the test can ask the page for. */
export interface NatsJourney {
  /** Connects to a model on a NATS server, by WebSocket. */
  join(servers: string, model: string): Promise<ReplicaStatus>;
  /** Waits until the replica serves the state of this fingerprint. */
  reach(fingerprint: string): Promise<ReplicaStatus>;
  /** The version that answers. */
  predictZeros(length: number): Promise<number>;
}

let client: Client | null = null;

function joined(): Client {
  if (client === null) throw new Error("not connected");
  return client;
}

const journey: NatsJourney = {
  async join(servers, model) {
    client = await connect(natsTransport({ servers, model }));
    return client.status();
  },
  async reach(fingerprint) {
    for await (const status of joined().states())
      if (status.fingerprint === fingerprint) return status;
    throw new Error("the replica ended");
  },
  async predictZeros(length) {
    return (await joined().predict({ image: new Uint8Array(length) })).version;
  },
};

Object.assign(globalThis, { journey });
