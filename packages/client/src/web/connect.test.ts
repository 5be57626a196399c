import { classes, DeployedState, numeric, Random, systemClock } from "@everfresh/core";
import { inferenceGraph, mlp } from "@everfresh/engine";
import {
  openInThreadEngine,
  RuntimeUnavailableError,
  WorkerCrashedError,
} from "@everfresh/engine/in-thread";
import { wasmBuild } from "@everfresh/engine/wasm-build";
import {
  ConnectError,
  encodeUpdate,
  Feed,
  importSigningKey,
  type Manifest,
  MemoryTransport,
  ReplicaClosedError,
  ReplicaStoreError,
  type ReplicaStore,
  type SignaturePolicy,
  signUpdate,
  type SigningKey,
  type StoredReplica,
} from "@everfresh/sync";
import { beforeEach, describe, expect, it } from "vitest";

import type { Client } from "../client.ts";
import { connect as connectHere } from "../edge/connect.ts";
import { inThreadRuntime } from "../edge/in-thread-runtime.ts";
import { TooManyPredictionsError } from "../errors.ts";
import { connect } from "./connect.ts";
import { loopbackWorker, type ServeWorker } from "./loopback-worker.fixture.ts";
import { storeOfPage, transportOfPage } from "./page-services.ts";
import type { StorePlace, TransportPlace } from "./replica-protocol.ts";
import { serveReplica } from "./serve-replica.ts";

const URL_OF_MODEL = "ws://127.0.0.1:1/v1/models/test"; // never opened: the transport is the page's

const serve: ServeWorker = (line) =>
  serveReplica(line, {
    transportAt: (place) => transportOfPage(place as TransportPlace & { kind: "page" }),
    storeAt: (place) => storeOfPage(place as StorePlace & { kind: "page" }),
    async openEngine(setup) {
      const engine = await openInThreadEngine(wasmBuild, setup);
      return (...model) => engine.open(...model);
    },
  });

/** A model whose parameters move at random, and the way to it. */
class MovingModel {
  readonly deployed: DeployedState;
  readonly manifest: Manifest;
  readonly transport: MemoryTransport;
  readonly #feed: Feed;
  readonly #random = new Random(3);

  readonly #signingKey: SigningKey | undefined;

  constructor(signingKey?: SigningKey) {
    this.#signingKey = signingKey;
    const model = mlp({ inputs: 4, hidden: [6], outputs: 3, seed: 1 });
    this.deployed = new DeployedState(model.state, 0);
    this.manifest = {
      name: "test",
      logId: "log-1",
      graph: inferenceGraph(model),
      layout: model.state.layout,
      input: model.input,
      output: model.output,
      preprocessing: numeric(4),
      target: classes(3),
    };
    const { manifest, deployed } = this;
    const signing = signingKey === undefined ? {} : { signingKey };
    this.#feed = new Feed({ manifest, deployed, clock: systemClock, ...signing });
    this.transport = new MemoryTransport({ accept: (end) => this.#feed.connect(end) });
  }

  async publish(): Promise<void> {
    const indices = Uint32Array.of(0, 7, 11);
    const values = Float32Array.from(indices, () => this.#random.normal());
    const change = { valueType: "float32", indices, values, buffers: [] } as const;
    const update = this.deployed.updateFor(change, systemClock.nowMs());
    const bytes = encodeUpdate(update, { layout: this.deployed.state.layout });
    const key = this.#signingKey;
    this.#feed.publish(update, key === undefined ? bytes : await signUpdate(bytes, key));
    this.deployed.apply(update);
  }
}

/** A store as a page may bring its own. */
class PageStore implements ReplicaStore {
  stored: StoredReplica | null = null;

  load(): Promise<StoredReplica | null> {
    return Promise.resolve(this.stored);
  }

  save(state: Omit<StoredReplica, "updates">): Promise<void> {
    this.stored = { ...state, updates: [] };
    return Promise.resolve();
  }

  append(updates: readonly Uint8Array[]): Promise<void> {
    if (this.stored === null) throw new Error("nothing was saved");
    this.stored = { ...this.stored, updates: [...this.stored.updates, ...updates] };
    return Promise.resolve();
  }
}

const SAMPLES = Array.from({ length: 5 }, (_, i) => Float32Array.of(i, -i, 0.5, 1));

describe("connect in a page", () => {
  let source: MovingModel;

  beforeEach(() => {
    source = new MovingModel();
  });

  const connectTo = (options: Parameters<typeof connect>[1] = {}): Promise<Client> =>
    connect(URL_OF_MODEL, {
      transport: source.transport,
      worker: () => loopbackWorker(serve),
      ...options,
    });

  it("follows as a replica in this thread does, with the same predictions", async () => {
    await using page = await connectTo();
    const runtime = inThreadRuntime(wasmBuild);
    await using here = await connectHere(URL_OF_MODEL, { transport: source.transport, runtime });
    expect(page.manifest).toEqual(source.manifest);
    for (let version = 0; version < 4; version++) {
      await Promise.all([reached(page, version), reached(here, version)]);
      expect(page.status()).toMatchObject({
        phase: "live",
        version,
        fingerprint: source.deployed.fingerprint,
        updatesApplied: version,
      });
      const predictions = await page.predictBatch(SAMPLES);
      expect(predictions.map((one) => one.version)).toEqual(SAMPLES.map(() => version));
      expect(predictions).toEqual(await here.predictBatch(SAMPLES));
      await source.publish();
    }
    expect(page.status().freshnessMs).toBeGreaterThanOrEqual(0);
  });

  it("goes on by itself when the connection breaks", async () => {
    await using page = await connectTo();
    source.transport.breakConnections();
    await source.publish();
    await reached(page, 1);
    expect(page.status().fingerprint).toBe(source.deployed.fingerprint);
  });

  it("keeps the model in a store of the page's own, and starts from it offline", async () => {
    const store = new PageStore();
    {
      await using page = await connectTo({ store });
      await source.publish();
      await reached(page, 1);
    }
    expect(store.stored?.updates).toHaveLength(1);
    source.transport.reachable = false;
    source.transport.breakConnections();
    await using page = await connectTo({ store });
    const { fingerprint } = source.deployed;
    expect(page.status()).toMatchObject({
      version: 1,
      fingerprint,
      snapshots: 0,
      storedVersion: 1,
    });
    expect((await page.predictBatch(SAMPLES)).map((one) => one.version)).toEqual([1, 1, 1, 1, 1]);
    source.transport.reachable = true;
    await source.publish();
    await reached(page, 2);
  });

  it("says why its store cannot be used, and serves on", async () => {
    const heard: unknown[] = [];
    const load = (): Promise<never> => Promise.reject(new ReplicaStoreError("x", "y"));
    const store = Object.assign(new PageStore(), { load });
    await using page = await connectTo({ store, onStoreError: (error) => heard.push(error) });
    expect(page.status().version).toBe(0);
    expect(heard[0]).toBeInstanceOf(ReplicaStoreError);
  });

  it("takes only what is signed by a key that it trusts, where that is asked for", async () => {
    const [own, foreign] = await Promise.all([1, 2].map((seed) => keyOf(seed)));
    source = new MovingModel(own);
    const trusting = (key: SigningKey | undefined): SignaturePolicy => ({
      required: true,
      keys: key === undefined ? [] : [key.publicKey],
    });
    await using page = await connectTo({ signatures: trusting(own) });
    await source.publish();
    await reached(page, 1);
    const refused = connectTo({ signatures: trusting(foreign), connectTimeoutMs: 5_000 });
    await expect(refused).rejects.toMatchObject({ code: "EF_UPDATE_SIGNATURE" });
  });

  it("says that nobody answers, in time", async () => {
    source.transport.reachable = false;
    const connecting = connectTo({ connectTimeoutMs: 50 });
    await expect(connecting).rejects.toBeInstanceOf(ConnectError);
    await expect(connecting).rejects.toThrow("nobody listens");
  });

  it("says at once what of the runtime is not there", async () => {
    const unavailable = { code: "EF_RUNTIME_UNAVAILABLE" };
    const missing = (): Worker => {
      throw new ReferenceError("Worker is not defined");
    };
    await expect(connectTo({ worker: missing })).rejects.toMatchObject(unavailable);
    const blocked = loopbackWorker(() => undefined);
    const connecting = connectTo({ worker: () => blocked });
    blocked.fail(new Event("error"));
    await expect(connecting).rejects.toMatchObject(unavailable);
    const noEngine: ServeWorker = (line) =>
      serveReplica(line, {
        transportAt: () => source.transport,
        storeAt: () => new PageStore(),
        openEngine: () => Promise.reject(new RuntimeUnavailableError("no WebAssembly")),
      });
    const refused = connectTo({ worker: () => loopbackWorker(noEngine), connectTimeoutMs: 60_000 });
    await expect(refused).rejects.toBeInstanceOf(RuntimeUnavailableError);
    await expect(connectTo({ runtime: inThreadRuntime(wasmBuild) })).rejects.toThrow(
      /client\/edge/,
    );
  });

  it("ends when it is disposed of or aborted, and says so", async () => {
    const page = await connectTo();
    await page[Symbol.asyncDispose]();
    await expect(page.predictBatch(SAMPLES)).rejects.toBeInstanceOf(ReplicaClosedError);
    expect(await phasesOf(page)).toEqual(["closed"]);
    const abort = new AbortController();
    const aborted = await connectTo({ signal: abort.signal });
    const ended = phasesOf(aborted);
    abort.abort();
    expect((await ended).at(-1)).toBe("closed");
    await expect(connectTo({ signal: abort.signal })).rejects.toBe(abort.signal.reason);
  });

  it("ends with its worker", async () => {
    const worker = loopbackWorker(serve);
    const page = await connectTo({ worker: () => worker });
    const crash = Object.assign(new Event("error"), { message: "out of memory" });
    worker.fail(crash);
    await expect(page.predictBatch(SAMPLES)).rejects.toBeInstanceOf(WorkerCrashedError);
    expect(await phasesOf(page)).toEqual(["closed"]);
  });

  it("lets a bounded number of predictions wait", async () => {
    await using page = await connectTo();
    const all = Array.from({ length: 520 }, () => page.predict({ features: [1, 2, 3, 4] }));
    const results = await Promise.allSettled(all);
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused).toHaveLength(8);
    expect(refused[0]?.reason).toBeInstanceOf(TooManyPredictionsError);
  });
});

function keyOf(seed: number): Promise<SigningKey> {
  return importSigningKey(new Uint8Array(32).fill(seed));
}

async function reached(model: Client, version: number): Promise<void> {
  for await (const status of model.states()) {
    if (status.version >= version && status.phase === "live") return;
  }
}

async function phasesOf(model: Client): Promise<readonly string[]> {
  const phases: string[] = [];
  for await (const { phase } of model.states()) phases.push(phase);
  return phases;
}
