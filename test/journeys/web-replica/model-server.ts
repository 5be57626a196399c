/** A real Everfresh server in front of a model whose updates the test makes. */
import {
  DeployedState,
  type Preprocessing,
  classes,
  type StateChange,
  systemClock,
  type Update,
} from "@everfresh/core";
import { inferenceGraph, type Model } from "@everfresh/engine";
import { encodeUpdate, Feed, HttpFeed, type Manifest } from "@everfresh/sync";
import { type Server, startServer } from "../../../packages/everfresh/src/http/server.ts";

/** Serves a model's versions, can be stopped, and comes back at the same address. */
export class ModelServer implements AsyncDisposable {
  readonly manifest: Manifest;
  readonly deployed: DeployedState;
  /** Where replicas connect. */
  url = "";
  #serving: { readonly server: Server; readonly feed: Feed; readonly http: HttpFeed } | null = null;

  constructor(name: string, model: Model, preprocessing: Preprocessing) {
    this.manifest = {
      name,
      logId: `log of ${name}`,
      graph: inferenceGraph(model),
      layout: model.state.layout,
      input: model.input,
      output: model.output,
      preprocessing,
      target: classes(model.output.shape[0] ?? 0),
    };
    this.deployed = new DeployedState(model.state, 0);
  }

  /** Begins to serve; after a stop with the version that it had. */
  async start(): Promise<this> {
    const { manifest, deployed } = this;
    const feed = new Feed({ manifest, deployed, clock: systemClock });
    const http = new HttpFeed(feed);
    const port = this.url === "" ? 0 : Number(new URL(this.url).port);
    const server = await startServer({
      host: "127.0.0.1",
      port,
      model: {
        name: manifest.name,
        ready: true,
        drift: null,
        samples: null,
        connect: (connection) => feed.connect(connection),
        fetch: (request) => http.answer(request),
        status: () => {
          throw new Error("nobody asks here");
        },
        rollBack: () => Promise.reject(new Error("nobody asks here")),
      },
    });
    this.url = server.feedUrl;
    this.#serving = { server, feed, http };
    return this;
  }

  /** Closes every connection; nothing can be fetched any more. */
  async stop(): Promise<void> {
    const serving = this.#serving;
    this.#serving = null;
    if (serving === null) return;
    serving.http[Symbol.dispose]();
    serving.feed[Symbol.dispose]();
    await serving.server.close();
  }

  /** Makes and publishes the next version. */
  publish(change: StateChange): Update {
    const update = this.deployed.updateFor(change, systemClock.nowMs());
    const bytes = encodeUpdate(update, { layout: this.deployed.state.layout });
    this.#serving?.feed.publish(update, bytes);
    this.deployed.apply(update);
    return update;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
