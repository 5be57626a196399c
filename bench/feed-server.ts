/** The feed of recorded updates, behind the program's own server. */
import { systemClock } from "@everfresh/core";
import { decodeUpdate, Feed, type Manifest } from "@everfresh/sync";
import { startServer } from "../packages/everfresh/src/http/server.ts";
import { UpdateLatency } from "../packages/everfresh/src/run/update-latency.ts";
import { recordedModel } from "./recorded-updates.ts";

/** A server whose feed sends one recorded update after another. */
export interface FeedServer extends AsyncDisposable {
  readonly feedUrl: string;
  readonly feed: Feed;
  readonly manifest: Manifest;
  /** Publishes the next update; false when there is none. */
  publishNext(): boolean;
}

/** Starts the server with the model that the updates start from. */
export async function startFeedServer(updates: readonly Uint8Array[]): Promise<FeedServer> {
  const { manifest, deployed } = recordedModel("bench");
  const latency = new UpdateLatency(systemClock);
  const feed = new Feed({
    manifest,
    deployed,
    clock: systemClock,
    onAck: ({ replicaId, version }) => latency.acknowledged(replicaId, version),
  });
  const nothing = (): never => {
    throw new Error("the bench asks for the feed only");
  };
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    model: {
      name: manifest.name,
      ready: true,
      drift: null,
      samples: null,
      status: nothing,
      fetch: nothing,
      rollBack: nothing,
      connect: (connection) => feed.connect(connection),
    },
  });
  let next = 0;
  return {
    feedUrl: server.feedUrl,
    feed,
    manifest,
    publishNext() {
      const bytes = updates[next];
      if (bytes === undefined) return false;
      next++;
      const update = decodeUpdate(bytes, { layout: manifest.layout });
      latency.stepDone();
      latency.published(update.toVersion);
      feed.publish(update, bytes);
      return true;
    },
    async [Symbol.asyncDispose]() {
      feed[Symbol.dispose]();
      await server.close();
    },
  };
}
