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
    const { resolved, logId, history, deployed, clock, onAck } = this.#options;
    const { definition, model } = resolved;
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
      onAck: ({ replicaId, version }) => onAck(replicaId, version),
    });
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
    this.#http ??= new HttpFeed(this.open());
    return this.#http.answer(request);
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
