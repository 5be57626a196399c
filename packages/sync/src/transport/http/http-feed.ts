import type { Feed } from "../../feed/feed.ts";
import { SegmentArchive, type SegmentArchiveOptions } from "./segment-archive.ts";

/** A request for one resource of a model. */
export interface HttpFeedRequest {
  /** Behind the model's address: `head`, `manifests/...`, `segments/...` or `anchors/...`. */
  readonly path: string;
  /** The header If-None-Match; null when it was not sent. */
  readonly ifNoneMatch: string | null;
}

/** The answer to a request, for any server to send. */
export interface HttpFeedAnswer {
  readonly status: 200 | 304 | 404;
  readonly headers: Readonly<Record<string, string>>;
  /** Not to be changed; empty but for status 200. */
  readonly body: Uint8Array;
}

const NOTHING: Uint8Array = new Uint8Array(0);

const BINARY = "application/octet-stream";

/** A cache may keep it for a year and need never ask again: the address names the content. */
const IMMUTABLE = "public, max-age=31536000, immutable";

/**
 * A cache may answer with it for a second, and for some more while it asks: as many polling replicas
 * as there may be, the origin is asked once a second.
 */
const HEAD_CACHED = "public, max-age=1, stale-while-revalidate=5";

/** A miss is not to be kept: the segment may come with the next version. */
const NOT_CACHED = "no-store";

/**
 * A model over plain HTTP, for replicas that poll and for the caches between: only `head` changes.
 * Portable: any server mounts it by handing requests over.
 */
export class HttpFeed implements Disposable {
  readonly #archive: SegmentArchive;
  readonly #logId: string;

  constructor(feed: Feed, options: SegmentArchiveOptions = {}) {
    this.#archive = new SegmentArchive(feed, options);
    this.#logId = feed.logId;
  }

  /** Answers a request for one resource. */
  async answer({ path, ifNoneMatch }: HttpFeedRequest): Promise<HttpFeedAnswer> {
    if (this.#archive.head.length === 0) await this.#archive.settled();
    const isHead = path === "head";
    const body = isHead ? this.#archive.head : this.#find(path);
    if (body === null) {
      return { status: 404, headers: { "cache-control": NOT_CACHED }, body: NOTHING };
    }
    const etag = tagOf(body);
    const headers = { "cache-control": isHead ? HEAD_CACHED : IMMUTABLE, etag };
    const known = ifNoneMatch?.split(/\s*,\s*/).map((tag) => tag.replace(/^W\//, ""));
    if (known?.some((tag) => tag === etag || tag === "*") === true) {
      return { status: 304, headers, body: NOTHING };
    }
    return { status: 200, headers: { "content-type": BINARY, ...headers }, body };
  }

  /** Resolves once everything that was published can be fetched. */
  settled(): Promise<void> {
    return this.#archive.settled();
  }

  [Symbol.dispose](): void {
    this.#archive[Symbol.dispose]();
  }

  #find(path: string): Uint8Array | null {
    const [kind, log, edition = "", name, ...more] = path.split("/");
    if (more.length > 0 || decoded(log ?? "") !== this.#logId) return null;
    if (kind === "manifests") return name === undefined ? this.#archive.manifest(edition) : null;
    if (name === undefined || edition !== this.#archive.edition) return null;
    if (kind === "anchors") return /^\d{1,16}$/.test(name) ? this.#archive.anchor(+name) : null;
    const [, from, to] = /^(\d{1,16})-(\d{1,16})$/.exec(name) ?? [];
    if (kind !== "segments" || from === undefined || to === undefined) return null;
    return this.#archive.segment(+from, +to);
  }
}

/** Names content: its checksum and its length. */
function tagOf(body: Uint8Array): string {
  const sum = Array.from(body.subarray(-4), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `"${sum}-${body.length}"`;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
