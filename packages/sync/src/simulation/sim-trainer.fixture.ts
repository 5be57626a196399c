import {
  createState,
  DeployedState,
  Random,
  roundTo,
  type StateChange,
  stateLayout,
  type StateLayout,
} from "@everfresh/core";

import type { SigningKey } from "../codec/signing-keys.ts";
import { decodeUpdate, encodeUpdate } from "../codec/update-codec.ts";
import { signUpdate } from "../codec/update-signature.ts";
import type { FeedConnection, FeedSession } from "../feed/feed-connection.ts";
import { Feed } from "../feed/feed.ts";
import type { Manifest } from "../manifest.ts";
import { smallManifest } from "../publisher.fixture.ts";
import type { StateName } from "../replica/runtime.ts";
import {
  HttpFeed,
  type HttpFeedAnswer,
  type HttpFeedRequest,
} from "../transport/http/http-feed.ts";
import type { SimDisk } from "./sim-disk.fixture.ts";
import { simHash } from "./sim-keys.fixture.ts";
import { SimLog } from "./sim-log.fixture.ts";
import type { SimServer } from "./sim-network.fixture.ts";
import type { ProcessTime } from "./sim-time.fixture.ts";

/** The state of every simulated model. */
export const SIM_LAYOUT: StateLayout = stateLayout([
  { name: "weight", role: "parameter", dtype: "float32", shape: [6, 8] },
  { name: "bias", role: "parameter", dtype: "float32", shape: [6] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [3] },
  { name: "count", role: "buffer", dtype: "int64", shape: [] },
]);

/** Bytes that may wait in a connection before it gets no more. */
export const BUFFERED_BYTES_MAX = 1_000;

/** Bytes of a snapshot with the manifest before it, at most. */
export const STATE_BYTES_MAX: number = SIM_LAYOUT.byteLength + 1_200;

/** A published version, with what belongs to it. */
export interface PublishedVersion extends StateName {
  readonly logId: string;
  readonly eventTimeMs: number | null;
}

/** Options of {@link SimTrainer}. */
export interface SimTrainerOptions {
  readonly seed: number;
  readonly logId: string;
  readonly time: ProcessTime;
  readonly disk: SimDisk;
  readonly random: Random;
  /** A version is in the log for good, and replicas may have it from now on. */
  readonly onPublished: (version: PublishedVersion) => void;
  /** Signs all that it publishes; null for nothing. */
  readonly signingKey: SigningKey | null;
  /** Mutations. */
  readonly isEager: boolean;
  readonly isUnbounded: boolean;
}

/** The process that trains: it logs first and publishes then. */
export class SimTrainer implements SimServer {
  readonly #options: SimTrainerOptions;
  readonly #log: SimLog;
  readonly #deployed: DeployedState;
  readonly #feed: Feed;
  readonly #http: HttpFeed;
  #isBusy = false;

  private constructor(options: SimTrainerOptions, log: SimLog, deployed: DeployedState) {
    this.#options = options;
    this.#log = log;
    this.#deployed = deployed;
    const { signingKey } = options;
    this.#feed = new Feed(
      {
        manifest: manifestOf(options.logId),
        deployed,
        clock: options.time,
        timers: options.time,
        history: log,
        ...(signingKey === null ? {} : { signingKey }),
        limits: {
          bufferedBytesMax: options.isUnbounded ? 1e9 : BUFFERED_BYTES_MAX,
          snapshotIntervalMs: 200,
          beatMs: 500,
          helloMs: 2_000,
          historyBytesMax: 1_500,
        },
      },
      { hash: simHash },
    );
    this.#http = new HttpFeed(this.#feed);
  }

  /** Starts from what the log has. */
  static async start(options: SimTrainerOptions): Promise<SimTrainer> {
    const { seed, logId, disk, onPublished } = options;
    const log = await SimLog.open(disk.mount(), options.isEager);
    const state = createState(SIM_LAYOUT);
    const random = new Random(seed, 77);
    for (let i = 0; i < state.parameters.length; i++) state.parameters[i] = random.normal();
    const deployed = new DeployedState(state, 0);
    const tell = (): void => {
      const { version, fingerprint, eventTimeMs } = deployed;
      onPublished({ logId, version, fingerprint, eventTimeMs });
    };
    tell();
    for (const { bytes } of log.records) {
      deployed.apply(decodeUpdate(bytes, { layout: SIM_LAYOUT }));
      // The last one may be there though nobody was told: it is published now.
      tell();
    }
    return new SimTrainer(options, log, deployed);
  }

  /** Where it is. */
  get head(): StateName {
    const { version, fingerprint } = this.#deployed;
    return { version, fingerprint };
  }

  connect(connection: FeedConnection): FeedSession {
    return this.#feed.connect(connection);
  }

  answer(request: HttpFeedRequest): Promise<HttpFeedAnswer> {
    return this.#http.answer(request);
  }

  /** The next version; nothing while one is being written. */
  async publish(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { random, time, logId, onPublished, signingKey } = this.#options;
    const eventTimeMs = random.below(5) === 0 ? null : Math.floor(time.nowMs());
    const update = this.#deployed.updateFor(changeOf(random), eventTimeMs);
    const base = new Uint32Array(this.#deployed.state.buffer, 0, SIM_LAYOUT.byteLength / 4);
    const unsigned = encodeUpdate(update, { layout: SIM_LAYOUT, base });
    const bytes = signingKey === null ? unsigned : await signUpdate(unsigned, signingKey);
    await this.#log.append(bytes);
    if (!time.isAlive) return;
    this.#deployed.apply(update);
    const { version, fingerprint } = this.head;
    onPublished({ logId, version, fingerprint, eventTimeMs: this.#deployed.eventTimeMs });
    this.#feed.publish(update, bytes);
    this.#isBusy = false;
  }
}

function manifestOf(logId: string): Manifest {
  return { ...smallManifest(logId), layout: SIM_LAYOUT };
}

/** A change of every kind that there is. */
function changeOf(random: Random): StateChange {
  const chosen = new Set<number>();
  const count = 1 + random.below(6);
  while (chosen.size < count) chosen.add(random.below(SIM_LAYOUT.parameterCount));
  const indices = Uint32Array.from([...chosen].sort((a, b) => a - b));
  const buffers =
    random.below(6) === 0
      ? [
          { tensor: 2, ...meanOf(random) },
          { tensor: 3, data: BigInt64Array.of(BigInt(random.uint32())) },
        ]
      : [];
  const kind = random.below(3);
  if (kind === 0) {
    const scales = Float32Array.of(2 ** -(1 + random.below(8)));
    const values = Float32Array.from(indices, () => (1 + random.below(127)) * (scales[0] ?? 0));
    return { valueType: "int8", indices, values, scales, buffers };
  }
  const valueType = kind === 1 ? "float16" : "float32";
  const values = Float32Array.from(indices, () => roundTo(valueType, random.normal()));
  return { valueType, indices, values, buffers };
}

/** New means, or multiples of 1/8 that are added to those there are. */
function meanOf(random: Random): { readonly data: Float32Array; readonly adds: boolean } {
  const adds = random.below(2) === 0;
  const draw = (): number => (adds ? random.below(17) / 8 - 1 : random.normal());
  return { data: Float32Array.from({ length: 3 }, draw), adds };
}
