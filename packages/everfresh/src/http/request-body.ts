import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { EverfreshError } from "@everfresh/core";
import { RequestError, RequestTooLargeError, ServerBusyError } from "../errors.ts";

/** Longest body, unpacked, in bytes: 10,000 rows of 3,300 bytes. */
const BODY_BYTES_MAX = 32 * 2 ** 20;

/** What all bodies that are being received may take, in bytes: a small part of any machine's memory. */
const BODIES_BYTES_MAX = 4 * BODY_BYTES_MAX;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Receives bodies in pieces, and bounds what they take. */
export class RequestBodies {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = BODY_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Receives one body and gives it to `use`; it counts until that is done.
   * @param encoding its `content-encoding`: gzip, or none
   * @throws RequestTooLargeError, ServerBusyError, RequestError
   */
  async receive<Result>(
    body: Readable,
    encoding: string | undefined,
    use: (bytes: Uint8Array) => Promise<Result>,
  ): Promise<Result> {
    const received = { bytes: 0 };
    try {
      return await use(await this.#whole(body, encoding, received));
    } finally {
      this.#bytes -= received.bytes;
    }
  }

  async #whole(
    body: Readable,
    encoding: string | undefined,
    received: { bytes: number },
  ): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of unpacked(body, encoding)) {
        received.bytes += chunk.length;
        this.#bytes += chunk.length;
        if (received.bytes > this.#bytesMax) throw new RequestTooLargeError(this.#bytesMax);
        if (this.#bytes > BODIES_BYTES_MAX) throw new ServerBusyError(BODIES_BYTES_MAX);
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof EverfreshError) throw error;
      // A connection that was cut, or a gzip that ends too early: nothing of it is taken.
      const reason = error instanceof Error ? error.message : String(error);
      throw new RequestError(`The body did not arrive whole: ${reason}`);
    }
    return Buffer.concat(chunks, received.bytes);
  }
}

/** The lines of a body that have something in them, without their ends. */
export function linesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let from = 0; from < bytes.length;) {
    const found = bytes.indexOf(LINE_FEED, from);
    const to = found < 0 ? bytes.length : found;
    const end = to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    if (end > from) lines.push(bytes.subarray(from, end));
    from = to + 1;
  }
  return lines;
}

function unpacked(body: Readable, encoding = "identity"): AsyncIterable<Uint8Array> {
  if (encoding === "identity") return body;
  if (encoding !== "gzip") {
    throw new RequestError(`A body may be packed by gzip, not by ${JSON.stringify(encoding)}`);
  }
  const gunzip = createGunzip();
  body.on("error", (error) => gunzip.destroy(error));
  return body.pipe(gunzip);
}
