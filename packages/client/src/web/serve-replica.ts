import { systemClock } from "@everfresh/core";
import { toTransferred } from "@everfresh/engine/in-thread";
import {
  importPublicKey,
  type Manifest,
  openReplica,
  type Replica,
  type ReplicaStatus,
  type ReplicaStore,
  type SignaturePolicy,
  type Transport,
} from "@everfresh/sync";

import { type OpenSession, sessionRuntime } from "../engine-session.ts";
import { type Line, sendNote, serveCalls } from "./calls.ts";
import type {
  PredictRequest,
  ReplicaNote,
  ReplicaSetup,
  SentPolicy,
  StorePlace,
  TransportPlace,
} from "./replica-protocol.ts";

/** Counters that change without a change of version or phase are sent this often. */
const COUNTERS_MS = 250;

/** What a worker can do. */
export interface WorkerParts {
  /** Starts what runs models; rejects when it cannot. */
  readonly openEngine: (setup: ReplicaSetup) => Promise<OpenSession>;
  readonly transportAt: (place: TransportPlace) => Transport;
  readonly storeAt: (place: StorePlace) => ReplicaStore;
}

/** The whole life of a worker that holds a replica for its page. */
export function serveReplica(line: Line, parts: WorkerParts): void {
  const closing = new AbortController();
  let replica: Promise<Replica> | null = null;
  const opened = (): Promise<Replica> => {
    if (replica === null) throw new TypeError("the worker was not told what to open");
    return replica;
  };
  serveCalls(line, {
    async open(setup: ReplicaSetup) {
      replica = join(line, setup, parts, closing.signal);
      // Its first view is on its way before the answer.
      void new ViewSender(line, await replica).run();
      return { value: null };
    },
    async predict({ features, size }: PredictRequest) {
      const prediction = await (await opened()).predict(features, size);
      return { value: prediction, transfer: [prediction.outputs.buffer as ArrayBuffer] };
    },
    async close() {
      closing.abort();
      await (await opened())[Symbol.asyncDispose]();
      return { value: null };
    },
  });
}

/** Joins the feed while the engine starts; fails at once if that fails. */
async function join(
  line: Line,
  setup: ReplicaSetup,
  { openEngine, transportAt, storeAt }: WorkerParts,
  signal: AbortSignal,
): Promise<Replica> {
  const { transport, store, signatures, connectTimeoutMs } = setup;
  const engine = openEngine(setup);
  const failing = new AbortController();
  engine.catch((error: unknown) => failing.abort(error));
  const note = (error: unknown): void =>
    sendNote(line, {
      kind: "storeError",
      error: toTransferred(error),
    } satisfies ReplicaNote);
  return openReplica({
    transport: transportAt(transport),
    runtime: sessionRuntime(async (...model) => (await engine)(...model)),
    clock: systemClock,
    // It only spreads out reconnections, so it need not be repeatable.
    random: { float: () => Math.random() },
    signal: AbortSignal.any([signal, failing.signal]),
    onStoreError: note,
    ...(store === null ? {} : { store: storeAt(store) }),
    ...(signatures === null ? {} : { signatures: await policyOf(signatures) }),
    ...(connectTimeoutMs === null ? {} : { connectTimeoutMs }),
  });
}

async function policyOf({ required, keys }: SentPolicy): Promise<SignaturePolicy> {
  return { required, keys: await Promise.all(keys.map((bytes) => importPublicKey(bytes))) };
}

/** Keeps the page's view of a replica up to date. */
class ViewSender {
  readonly #line: Line;
  readonly #replica: Replica;
  #manifest: Manifest | null = null;
  #sent = "";

  constructor(line: Line, replica: Replica) {
    this.#line = line;
    this.#replica = replica;
  }

  /** Sends it at once and whenever it changes, to the end. */
  async run(): Promise<void> {
    this.#send();
    const timer = setInterval(() => this.#send(), COUNTERS_MS);
    for await (const { phase } of this.#replica.states()) {
      this.#send();
      if (phase === "closed") break;
    }
    clearInterval(timer);
  }

  #send(): void {
    const status = this.#replica.status();
    const names = namesOf(status);
    if (names === this.#sent) return;
    this.#sent = names;
    const { manifest } = this.#replica;
    const news = manifest === this.#manifest ? null : manifest;
    this.#manifest = manifest;
    sendNote(this.#line, { kind: "view", status, manifest: news } satisfies ReplicaNote);
  }
}

/** All of a status but what time alone changes. */
function namesOf(status: ReplicaStatus): string {
  return JSON.stringify({ ...status, freshnessMs: null });
}
