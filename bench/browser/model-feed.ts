/** A feed with updates that were made beforehand, behind the program's own server. */
import { classes, deployCopy, image, Random, roundTo, systemClock } from "@everfresh/core";
import type { Update } from "@everfresh/core";
import { inferenceGraph, type Model } from "@everfresh/engine";
import { encodeUpdate, Feed } from "@everfresh/sync";
import { startServer } from "../../packages/everfresh/src/http/server.ts";

/** A server whose feed sends one update after another. */
export interface ModelFeed extends AsyncDisposable {
  readonly url: string;
  readonly updateBytes: number;
  /** Publishes the next update; returns its version. */
  publishNext(): number;
}

/** Makes `count` updates of this share of the parameters, at random places, and serves the model. */
export async function startModelFeed(
  model: Model,
  side: number,
  { count, ratio }: { readonly count: number; readonly ratio: number },
): Promise<ModelFeed> {
  const { layout } = model.state;
  const updates = [...makeUpdates(model, count, ratio)];
  const encoded = updates.map((update) => encodeUpdate(update, { layout }));
  const feed = new Feed({
    manifest: {
      name: "bench",
      logId: "bench",
      graph: inferenceGraph(model),
      layout,
      input: model.input,
      output: model.output,
      preprocessing: image({ width: side, height: side, channels: 3 }),
      target: classes(model.output.shape[0] ?? 0),
    },
    deployed: deployCopy(model.state, 0),
    clock: systemClock,
  });
  const nothing = (): never => {
    throw new Error("the bench asks for the feed only");
  };
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    model: {
      name: "bench",
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
    url: server.feedUrl,
    updateBytes: encoded.reduce((sum, { length }) => sum + length, 0) / encoded.length,
    publishNext() {
      const [update, bytes] = [updates[next], encoded[next]];
      if (update === undefined || bytes === undefined) throw new Error("no update is left");
      feed.publish(update, bytes);
      return ++next;
    },
    async [Symbol.asyncDispose]() {
      feed[Symbol.dispose]();
      await server.close();
    },
  };
}

function* makeUpdates(model: Model, count: number, ratio: number): Generator<Update> {
  const random = new Random(3);
  const deployed = deployCopy(model.state, 0);
  const spacing = Math.round(1 / ratio);
  const length = Math.floor(model.state.layout.parameterCount / spacing);
  for (let made = 0; made < count; made++) {
    const indices = Uint32Array.from({ length }, (_, i) => i * spacing + random.below(spacing));
    const values = Float32Array.from(indices, (index) =>
      roundTo("float16", (deployed.state.parameters[index] ?? 0) + random.normal(0, 0.01)),
    );
    const update = deployed.updateFor({ valueType: "float16", indices, values, buffers: [] });
    deployed.apply(update);
    yield update;
  }
}
