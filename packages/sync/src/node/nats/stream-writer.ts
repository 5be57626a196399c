import type { PublishedUpdate } from "../../feed/recent-updates.ts";
import type { StateName } from "../../replica/runtime.ts";
import { encodeHttpHead, type HttpHead } from "../../transport/http/http-head.ts";
import type { ModelStream } from "../../nats/model-stream.ts";
import { natsObjects } from "../../nats/nats-names.ts";
import { OBJECT_HEADER, UPDATE_HEADER, updateHeader } from "../../nats/stream-update.ts";
import type { ModelBucket } from "./model-bucket.ts";

/** Header of a head: who has published it. */
export const PUBLISHER_HEADER = "Everfresh-Publisher";

/** Where a writer begins. */
export interface WriterStart {
  readonly logId: string;
  /** Who writes. */
  readonly publisher: string;
  /** The place of the newest message. */
  readonly sequence: number;
  /** Where the stream's updates lead to. */
  readonly at: StateName;
  /** Bytes of all updates of the chain so far. */
  readonly offset: number;
}

/**
 * Adds to the stream of a model. Each message says behind which one it belongs, so that what is
 * there is one chain: after a message that was lost, or that somebody else wrote, all later ones are
 * refused. After an error the writer is of no more use.
 */
export class StreamWriter {
  readonly #stream: ModelStream;
  readonly #bucket: ModelBucket;
  readonly #start: WriterStart;
  #sequence: number;
  #at: StateName;
  #offset: number;

  constructor(stream: ModelStream, bucket: ModelBucket, start: WriterStart) {
    this.#stream = stream;
    this.#bucket = bucket;
    this.#start = start;
    this.#sequence = start.sequence;
    this.#at = start.at;
    this.#offset = start.offset;
  }

  /** Where the stream's updates lead to. */
  get at(): StateName {
    return this.#at;
  }

  /** Bytes of all updates of the chain. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Adds updates that lead on from {@link at}, without waiting for one before the next.
   * @throws NatsError when one of them is not in the stream for sure
   */
  async publish(updates: readonly PublishedUpdate[]): Promise<void> {
    let sequence = this.#sequence;
    let offset = this.#offset;
    const acks: Promise<number>[] = [];
    for (const { span, bytes } of updates) {
      const to = { version: span.toVersion, fingerprint: span.fingerprintAfter };
      const object = bytes.length > this.#stream.payloadBytesMax ? this.#object(span) : null;
      if (object !== null) await this.#bucket.put(object, bytes);
      const { logId, publisher } = this.#start;
      const ack = this.#stream.publish(
        this.#stream.names.update(logId, span.fromVersion),
        object === null ? bytes : new Uint8Array(0),
        { lastSequence: sequence, publisher },
        {
          [UPDATE_HEADER]: updateHeader(to, offset, bytes.length),
          ...(object === null ? {} : { [OBJECT_HEADER]: object }),
        },
      );
      // All are waited for below; none is to count as unhandled before.
      ack.catch(() => undefined);
      acks.push(ack);
      sequence++;
      offset += bytes.length;
    }
    await Promise.all(acks);
    const last = updates.at(-1);
    if (last === undefined) return;
    this.#sequence = sequence;
    this.#offset = offset;
    this.#at = { version: last.span.toVersion, fingerprint: last.span.fingerprintAfter };
  }

  /** Adds the head. */
  async publishHead(head: Pick<HttpHead, "manifest" | "anchors">): Promise<void> {
    const { logId, publisher } = this.#start;
    const bytes = encodeHttpHead({ logId, ...head, ...this.#at, segments: [] });
    const values = { [PUBLISHER_HEADER]: publisher };
    const { head: subject } = this.#stream.names;
    const place = { lastSequence: this.#sequence, publisher };
    this.#sequence = await this.#stream.publish(subject, bytes, place, values);
  }

  #object({ fromVersion }: PublishedUpdate["span"]): string {
    return natsObjects.update(this.#start.logId, fromVersion);
  }
}
