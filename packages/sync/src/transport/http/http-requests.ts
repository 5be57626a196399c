import { EverfreshError } from "@everfresh/core";

import { ProtocolError, TransportError } from "../../errors.ts";
import { FEED_MESSAGE_BYTES_MAX } from "../../protocol/message.ts";
import type { Timers } from "../../timers.ts";

/** What is used of the answer to a request; `Response` is one. */
export interface FetchedResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Requests an address; `fetch` is one. */
export type Fetch = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
) => Promise<FetchedResponse>;

/** What came of a request, to its last byte. */
export interface HttpAnswer {
  /** 200; 304 for a head that is known; 404 for anything else that is not there. */
  readonly status: number;
  readonly etag: string | null;
  /** Empty unless the status is 200. */
  readonly body: Uint8Array;
}

/** How long one request may take: 100 MB over 15 Mbit/s. */
const REQUEST_MS_MAX = 60_000;

/** The requests of one connection, one after another, until it ends. */
export class HttpRequests {
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #timers: Timers;
  readonly #end = new AbortController();
  /** Of the request that is under way. */
  #current: AbortController | null = null;

  /** @param url of the model, without a slash at its end */
  constructor(url: string, fetch: Fetch, timers: Timers) {
    this.#url = url;
    this.#fetch = fetch;
    this.#timers = timers;
  }

  /** Whether there are no more. */
  get isEnded(): boolean {
    return this.#end.signal.aborted;
  }

  /** Gives up the one that is under way, and makes no more: they reject with `reason`. */
  end(reason?: unknown): void {
    this.#end.abort(reason);
    this.#current?.abort(reason);
  }

  /**
   * Asks for what is at a path of the model.
   * @throws TransportError for any other status, and when no answer comes, or not in time
   * @throws ProtocolError for a body that is larger than a message may be
   */
  async ask(path: string, headers: Record<string, string>): Promise<HttpAnswer> {
    this.#end.signal.throwIfAborted();
    // A signal of its own, and no `AbortSignal.any`: Node keeps one of those for as long as somebody
    // listens to it and its sources live, and whoever fetches need not stop listening.
    const current = new AbortController();
    this.#current = current;
    const cancel = this.#timers.after(REQUEST_MS_MAX, () => current.abort());
    try {
      const { signal } = current;
      const response = await this.#fetch(`${this.#url}/${path}`, { headers, signal });
      const { status } = response;
      const isEmpty = status === (path === "head" ? 304 : 404);
      if (status !== 200 && !isEmpty) throw new TransportError(this.#url, `it answered ${status}`);
      const body = isEmpty ? NOTHING : await bodyOf(response);
      return { status, etag: response.headers.get("etag"), body };
    } catch (error) {
      if (error instanceof EverfreshError) throw error;
      this.#end.signal.throwIfAborted();
      throw new TransportError(this.#url, current.signal.aborted ? TOO_SLOW : NO_ANSWER, error);
    } finally {
      cancel();
      this.#current = null;
    }
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
const NO_ANSWER = "no server answers there";
const TOO_SLOW = `a request took more than ${REQUEST_MS_MAX} ms`;

async function bodyOf(response: FetchedResponse): Promise<Uint8Array> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > FEED_MESSAGE_BYTES_MAX) {
    throw new ProtocolError(`a resource of ${bytes.length} bytes`);
  }
  return bytes;
}
