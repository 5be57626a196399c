import { NatsError } from "../errors.ts";
import type { Timers } from "../timers.ts";
import type { Following, StreamMessage } from "./stream-message.ts";

/** After how long without a part it is looked whether the object is still there. */
const STALLED_MS = 500;

/** How often that may be so for one part: 128 KiB over 100 kbit/s. */
const LOOKS_MAX = 20;

/** Objects that are replaced while they are read are read again, so often at most. */
const ATTEMPTS_MAX = 3;

/** What an object's newest message says of it (NATS ADR-20). */
interface ObjectHead {
  /** Names its parts. */
  readonly nuid: string;
  /** Bytes of all parts. */
  readonly size: number;
}

/** A server whose streams can be read. */
export interface ReadableStreams {
  /** For messages. */
  readonly address: string;
  /** The newest message of a subject; null when there is none. */
  newestOf(stream: string, subject: string): Promise<StreamMessage | null>;
  /** All messages of a subject from a place in the stream on. */
  followIn(stream: string, fromSequence: number, subject: string): Promise<Following>;
}

/** What reading an object needs. */
export interface ObjectReaderOptions {
  readonly streams: ReadableStreams;
  readonly bucket: string;
  readonly timers: Timers;
  /** Longest object that is taken, in bytes. */
  readonly bytesMax: number;
}

/**
 * Reads objects of a NATS object store. @nats-io/obj is not used for that: it needs Node in some
 * bundles, and waits for good for parts of an object that was removed meanwhile. Its digest is not
 * compared: what is stored there brings checksums of its own.
 */
export class ObjectReader {
  readonly #options: ObjectReaderOptions;

  constructor(options: ObjectReaderOptions) {
    this.#options = options;
  }

  /**
   * The object of that name; null when it is not there, not whole, or too long.
   * @throws NatsError when it does not arrive
   */
  async read(name: string): Promise<Uint8Array | null> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const head = await this.#head(name);
      if (head === null || head.size > this.#options.bytesMax) return null;
      const bytes = await this.#parts(name, head);
      if (bytes !== "replaced") return bytes;
    }
    return null;
  }

  async #head(name: string): Promise<ObjectHead | null> {
    const { streams, bucket } = this.#options;
    const token = btoa(name).replaceAll("+", "-").replaceAll("/", "_");
    const message = await streams.newestOf(`OBJ_${bucket}`, `$O.${bucket}.M.${token}`);
    return message === null ? null : objectHeadOf(message);
  }

  async #parts(name: string, head: ObjectHead): Promise<Uint8Array | "replaced"> {
    const { streams, bucket } = this.#options;
    const bytes = new Uint8Array(head.size);
    const parts = await streams.followIn(`OBJ_${bucket}`, 1, `$O.${bucket}.C.${head.nuid}`);
    const reading = parts[Symbol.asyncIterator]();
    try {
      for (let read = 0; read < head.size;) {
        const part = await this.#next(reading.next(), name, head);
        if (part === null || read + part.data.length > head.size) return "replaced";
        bytes.set(part.data, read);
        read += part.data.length;
      }
      return bytes;
    } finally {
      parts.stop();
    }
  }

  /** The next part; looks after the object when that does not come. Null when it never will. */
  async #next(
    reading: Promise<IteratorResult<StreamMessage, unknown>>,
    name: string,
    { nuid }: ObjectHead,
  ): Promise<StreamMessage | null> {
    reading.catch(() => undefined);
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const stalled = Promise.withResolvers<"stalled">();
      const cancel = this.#options.timers.after(STALLED_MS, () => stalled.resolve("stalled"));
      const part = await Promise.race([reading, stalled.promise]);
      cancel();
      if (part !== "stalled") return part.done === true ? null : part.value;
      const now = await this.#head(name);
      if (now?.nuid !== nuid) return null;
    }
    const reason = `nothing of object ${name} came for ${STALLED_MS * LOOKS_MAX} ms`;
    throw new NatsError(this.#options.streams.address, "incomplete", reason);
  }
}

/** Null for one that was deleted, or that somebody else has written in another way. */
function objectHeadOf({ data }: StreamMessage): ObjectHead | null {
  let head: unknown;
  try {
    head = JSON.parse(new TextDecoder().decode(data));
  } catch {
    return null;
  }
  if (typeof head !== "object" || head === null) return null;
  const { nuid, size, deleted } = head as Readonly<Record<string, unknown>>;
  const isThere = deleted !== true && typeof nuid === "string" && /^[A-Za-z0-9]+$/.test(nuid);
  return isThere && Number.isSafeInteger(size) && Number(size) >= 0
    ? { nuid, size: Number(size) }
    : null;
}
