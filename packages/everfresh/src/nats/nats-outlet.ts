import path from "node:path";
import type { Clock } from "@everfresh/core";
import type { Feed } from "@everfresh/sync";
import { connectNats, NatsFeed, type NatsFeedState } from "@everfresh/sync/nats/node";
import type { NatsPublication } from "../config/nats.ts";
import type { RunEvent } from "../run/run-events.ts";
import { natsAddressOf, readCredentials } from "./nats-address.ts";

/** What a {@link NatsOutlet} needs. */
export interface NatsOutletOptions {
  readonly publication: NatsPublication;
  /** Where a relative path of credentials starts. */
  readonly directory: string;
  /** Name of the model. */
  readonly model: string;
  readonly clock: Clock;
  readonly onEvent: (event: RunEvent) => void;
}

/** How long the end of a run waits for the server to take the last updates. */
const CLOSE_MS = 5_000;

/** A run's way to its NATS server, once replicas are let in. */
export class NatsOutlet implements AsyncDisposable {
  readonly #options: NatsOutletOptions;
  readonly #credentials: { readonly credentials?: Uint8Array };
  #nats: NatsFeed | null = null;

  private constructor(
    options: NatsOutletOptions,
    credentials: { readonly credentials?: Uint8Array },
  ) {
    this.#options = options;
    this.#credentials = credentials;
  }

  /**
   * Reads the credentials; connects to nothing yet.
   * @throws ConfigError when they cannot be read
   */
  static async prepare(options: NatsOutletOptions): Promise<NatsOutlet> {
    const { credentials } = options.publication;
    const { directory } = options;
    const file = credentials === undefined ? undefined : path.resolve(directory, credentials);
    return new NatsOutlet(options, await readCredentials(file));
  }

  /** Publishes what the feed has and will have. */
  open(feed: Feed): void {
    const { publication, model, clock } = this.#options;
    const { servers, user, password, token, limits } = publication;
    this.#nats ??= new NatsFeed({
      servers,
      connect: connectNats,
      model,
      feed,
      clock,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { pass: password }),
      ...(token === undefined ? {} : { token }),
      ...this.#credentials,
      limits: { closeMs: CLOSE_MS, ...limits },
      onState: (state) => this.#tell(state),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nats?.[Symbol.asyncDispose]();
  }

  #tell(state: NatsFeedState): void {
    const { publication, model, onEvent } = this.#options;
    switch (state.kind) {
      case "connecting":
        return;
      case "publishing":
        onEvent({ kind: "publishing", address: natsAddressOf(publication.servers, model) });
        return;
      case "away":
        onEvent({ kind: "warning", message: `${state.error.message} (trying again)` });
        return;
      case "stopped":
        onEvent({ kind: "warning", message: state.error.message });
        return;
      default:
        state satisfies never;
    }
  }
}
