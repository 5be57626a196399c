import {
  classes,
  DeployedState,
  fingerprintOf,
  image,
  numeric,
  type Preprocessing,
  preprocessBatch,
  Random,
  roundTo,
  ShapeError,
  systemClock,
  type Update,
} from "@everfresh/core";
import { inferenceGraph, lenet5, mlp, type Model, openInference } from "@everfresh/engine";
import { ConnectError, encodeUpdate, Feed, type Manifest } from "@everfresh/sync";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";

import type { ClassPrediction } from "./client.ts";
import { connect } from "./connect.ts";
import { InputKindError, InvalidUrlError } from "./errors.ts";
import { softmax } from "./softmax.ts";

const DIGITS = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

/** A server with one model whose parameters move at random. */
class TestServer implements AsyncDisposable {
  readonly deployed: DeployedState;
  readonly model: Model;
  readonly manifest: Manifest;
  url = "";
  #feed: Feed;
  #server: WebSocketServer | null = null;
  readonly #random: Random = new Random(5);

  constructor(model: Model, preprocessing: Preprocessing, logId = "log-1") {
    this.model = model;
    this.deployed = new DeployedState(model.state, 0);
    this.manifest = {
      name: "test",
      logId,
      graph: inferenceGraph(model),
      layout: model.state.layout,
      input: model.input,
      output: model.output,
      preprocessing,
      target: classes(model.output.shape[0] ?? 0),
    };
    this.#feed = this.#openFeed();
  }

  async listen(port = 0): Promise<this> {
    const server = new WebSocketServer({ host: "127.0.0.1", port });
    this.#server = server;
    server.on("connection", (socket) => {
      const session = this.#feed.connect({
        send: (frame) => socket.send(frame),
        get bufferedBytes() {
          return socket.bufferedAmount;
        },
        close: (code, reason) => socket.close(code, reason),
      });
      socket.on("message", (data: Buffer) => session.receive(data));
      socket.on("close", () => session.closed());
    });
    await once(server, "listening");
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/models/test`;
    return this;
  }

  publish(): Update {
    const valueType = "float16";
    const { parameterCount } = this.deployed.state.layout;
    const chosen = new Set(Array.from({ length: 50 }, () => this.#random.below(parameterCount)));
    const indices = Uint32Array.from([...chosen].sort((a, b) => a - b));
    const values = Float32Array.from(indices, () => roundTo(valueType, this.#random.normal()));
    const update = this.deployed.updateFor({ valueType, indices, values, buffers: [] });
    this.#feed.publish(update, encodeUpdate(update, { layout: this.deployed.state.layout }));
    this.deployed.apply(update);
    return update;
  }

  /** The process dies and another one takes its place, at the same port and version. */
  async restart(): Promise<void> {
    const { port } = new URL(this.url);
    await this.#stop();
    this.#feed = this.#openFeed();
    await this.listen(Number(port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
    this.#feed[Symbol.dispose]();
  }

  #openFeed(): Feed {
    const { manifest, deployed } = this;
    return new Feed({ manifest, deployed, clock: systemClock });
  }
}

describe("connect to a LeNet-5", () => {
  let server: TestServer;
  const pixels = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) & 255);

  beforeEach(async () => {
    server = await new TestServer(lenet5({ seed: 1 }), DIGITS).listen();
  });

  afterEach(() => server[Symbol.asyncDispose]());

  it("predicts what the engine predicts with the server's own state, version by version", async () => {
    await using model = await connect(server.url, { mode: "patch" });
    expect(model.manifest.layout).toEqual(server.manifest.layout);
    for (let version = 0; version < 4; version++) {
      const { probabilities, classIndex, label, ...rest } = await model.predict({ image: pixels });
      const { state, fingerprint } = server.deployed;
      expect(rest).toEqual({ version });
      expect(label).toBe(`${classIndex}`);
      const initial = { state, version, fingerprint };
      await using oracle = await openInference(server.manifest.graph, initial, { mode: "patch" });
      const { outputs } = await oracle.predict(preprocessBatch(DIGITS, [pixels]), 1);
      expect(probabilities).toEqual(softmax(outputs));
      server.publish();
      await reached(model, version + 1);
    }
    expect(model.status().fingerprint).toBe(fingerprintOf(server.deployed.state));
  });

  it("predicts many images at once as one by one", async () => {
    await using model = await connect(server.url.replace("ws:", "http:"));
    const images = Array.from({ length: 1_100 }, (_, i) =>
      pixels.map((pixel) => (pixel + i) & 255),
    );
    const batch = await model.predictBatch(images);
    expect(batch).toHaveLength(1_100);
    for (const i of [0, 7, 1_023, 1_024, 1_099]) {
      const single = await model.predict({ image: images[i]! });
      expect(batch[i]!.classIndex).toBe(single.classIndex);
      batch[i]!.probabilities.forEach((p, k) => expect(p).toBeCloseTo(single.probabilities[k]!, 5));
    }
  });

  it("never answers with a torn or unpublished state while updates stream in", async () => {
    await using model = await connect(server.url);
    const versions = new Map([[0, server.deployed.fingerprint]]);
    const predicting: Promise<ClassPrediction>[] = [];
    for (let i = 0; i < 30; i++) {
      predicting.push(model.predict({ image: pixels }));
      const { toVersion, fingerprintAfter } = server.publish();
      versions.set(toVersion, fingerprintAfter);
      await new Promise(setImmediate);
    }
    for (const { version } of await Promise.all(predicting))
      expect(versions.has(version)).toBe(true);
    await reached(model, 30);
    expect(model.status()).toMatchObject({ fingerprint: versions.get(30), rejected: 0 });
  });

  it("answers with every update a little later where the weights are constants", async () => {
    await using model = await connect(server.url, { mode: "bake" });
    const { toVersion } = server.publish();
    await reached(model, toVersion);
    let version = 0;
    while (version < toVersion) ({ version } = await model.predict({ image: pixels }));
    expect(version).toBe(toVersion);
  });

  it("goes on by itself when the server is killed and started again", async () => {
    await using model = await connect(server.url, { mode: "patch" });
    server.publish();
    await reached(model, 1);
    await server.restart();
    server.publish();
    expect((await model.predict({ image: pixels })).version).toBeGreaterThanOrEqual(1);
    await reached(model, 2);
    expect(model.status().fingerprint).toBe(server.deployed.fingerprint);
  });

  it("refuses inputs that the model does not take", async () => {
    await using model = await connect(server.url);
    await expect(model.predict({ image: new Uint8Array(783) })).rejects.toThrow(ShapeError);
    await expect(model.predict({ features: [1, 2] })).rejects.toThrow(InputKindError);
    await expect(model.predictBatch([new Float32Array(784)])).rejects.toThrow(InputKindError);
    expect(await model.predictBatch([])).toEqual([]);
  });
});

describe("connect", () => {
  it("predicts from plain numbers where the model takes them", async () => {
    const network = mlp({ inputs: 4, hidden: [8], outputs: 3, seed: 3 });
    await using server = await new TestServer(network, numeric(4)).listen();
    await using model = await connect(server.url);
    const { probabilities } = await model.predict({ features: [0.1, -2, 3, 4] });
    expect(probabilities).toHaveLength(3);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    await expect(model.predict({ image: new Uint8Array(4) })).rejects.toThrow(InputKindError);
    await expect(model.predict({ features: [1] })).rejects.toThrow(ShapeError);
  });

  it("says where it could not connect, and why", async () => {
    const server = await new TestServer(lenet5({ seed: 1 }), DIGITS).listen();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const connecting = connect(url, { connectTimeoutMs: 300 });
    await expect(connecting).rejects.toThrow(ConnectError);
    await expect(connecting).rejects.toThrow(url);
    await expect(connecting).rejects.toThrow("no server answers there");
  });

  it("refuses an address that is none", async () => {
    await expect(connect("digits")).rejects.toThrow(InvalidUrlError);
  });
});

async function reached(model: Awaited<ReturnType<typeof connect>>, version: number): Promise<void> {
  for await (const status of model.states()) {
    if (status.version >= version) return;
  }
}
