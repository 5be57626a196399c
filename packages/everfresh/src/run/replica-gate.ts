import { type Clock, type DeployedState } from "@everfresh/core";
import { inferenceGraph } from "@everfresh/engine";
import {
  Feed,
  type FeedConnection,
  type FeedSession,
  HttpFeed,
  type HttpFeedAnswer,
  type HttpFeedRequest,
  type ReplicaInfo,
  type SegmentStore,
  type UpdateHistory,
} from "@everfresh/sync";
import type { ResolvedModel } from "../config/resolve-model.ts";

/** Options of {@link ReplicaGate}. */
export interface ReplicaGateOptions {
  readonly resolved: ResolvedModel;
  readonly logId: string;
  /** Where updates are that are no longer in memory: the log. */
  readonly history: UpdateHistory;
  /** Opened from this state; the feed then keeps a copy of its own. */
  readonly deployed: DeployedState;
  readonly clock: Clock;
  /** Keeps what replicas that poll fetch, over restarts. */
  readonly segments: SegmentStore;
  /** Why that cannot be kept. */
  readonly onStoreError: (error: unknown) => void;
  /** Called once, with the feed that replicas are let in to. */
  readonly onOpen: (feed: Feed) => void;
  /** A replica says that it serves `version`. */
  readonly onAck: (replicaId: string, version: number) => void;
}

/**
 * Lets replicas in once the deployed state is at the head of the log: a restart replays first, and
 * until then a replica could be ahead of it.
 */
export class ReplicaGate implements Disposable {
  readonly #options: ReplicaGateOptions;
  #feed: Feed | null = null;
  #http: HttpFeed | null = null;

  constructor(options: ReplicaGateOptions) {
    this.#options = options;
  }

  /** Whether replicas are let in. */
  get isOpen(): boolean {
    return this.#feed !== null;
  }

  /** Lets replicas in from now on; calling it again changes nothing. */
  open(): Feed {
    const { resolved, logId, history, deployed, clock, onAck, segments } = this.#options;
    const { onOpen } = this.#options;
    const isNew = this.#feed === null;
    const { definition, model, signingKey } = resolved;
    this.#feed ??= new Feed({
      manifest: {
        name: definition.name,
        logId,
        graph: inferenceGraph(model),
        layout: model.state.layout,
        input: model.input,
        output: model.output,
        preprocessing: definition.input,
        target: definition.target,
      },
      deployed,
      history,
      clock,
      ...(signingKey === null ? {} : { signingKey }),
      onAck: ({ replicaId, version }) => onAck(replicaId, version),
    });
    if (isNew) onOpen(this.#feed);
    // Somebody has polled an earlier life of this run: what that offered stays reachable.
    if (segments.isUsed) this.#httpOf(this.#feed);
    return this.#feed;
  }

  /** Adds a connection. The server asks only while the gate is open. */
  connect(connection: FeedConnection): FeedSession {
    return this.open().connect(connection);
  }

  /**
   * Answers a request of a polling replica. Segments are only built from the first one on: merging
   * takes time, and most runs are never polled.
   */
  fetch(request: HttpFeedRequest): Promise<HttpFeedAnswer> {
    return this.#httpOf(this.open()).answer(request);
  }

  #httpOf(feed: Feed): HttpFeed {
    const { segments: store, onStoreError } = this.#options;
    this.#http ??= new HttpFeed(feed, { store, onStoreError });
    return this.#http;
  }

  /** The connected replicas, with how far each is behind. */
  replicas(): readonly ReplicaInfo[] {
    const feed = this.#feed;
    if (feed === null) return [];
    return feed.replicas().map(({ id, version, fingerprint, joinedAtMs }) => ({
      id,
      version,
      fingerprint,
      joinedAtMs,
      lagVersions: Math.max(0, feed.version - Math.max(0, version)),
    }));
  }

  [Symbol.dispose](): void {
    this.#http?.[Symbol.dispose]();
    this.#feed?.[Symbol.dispose]();
  }
}
