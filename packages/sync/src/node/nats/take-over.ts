import { NatsError } from "../../errors.ts";
import type { Feed } from "../../feed/feed.ts";
import type { HttpHead } from "../../transport/http/http-head.ts";
import type { AnchorShelf } from "./anchor-shelf.ts";
import type { ModelBucket } from "./model-bucket.ts";
import type { ModelStream } from "../../nats/model-stream.ts";
import type { StreamMessage } from "../../nats/stream-message.ts";
import { headOf } from "../../nats/read-stream.ts";
import { streamUpdateOf } from "../../nats/stream-update.ts";
import { PUBLISHER_HEADER, StreamWriter } from "./stream-writer.ts";

/** What taking over a model's stream needs. */
export interface TakeOver {
  readonly stream: ModelStream;
  readonly bucket: ModelBucket;
  readonly shelf: AnchorShelf;
  readonly feed: Feed;
  /** Who takes over. */
  readonly publisher: string;
  /** Whether that one had taken over before. */
  readonly hasPublished: boolean;
  /** Whether to begin anew in any case. */
  readonly anew: boolean;
}

/**
 * Goes on with the chain of updates that the stream has of the feed's log; begins one where there is
 * none, it is another log's, or the log has gone back. Publishes a head, so that others see who
 * writes now.
 * @throws NatsError of fault "superseded" when another publisher has taken over since
 */
export async function takeOver(options: TakeOver): Promise<StreamWriter> {
  const { stream, feed, publisher, hasPublished, anew } = options;
  const sequence = (await stream.lastSequence()) ?? 0;
  const message = await stream.newest(stream.names.head);
  const owner = message?.header(PUBLISHER_HEADER) ?? publisher;
  if (hasPublished && owner !== publisher) {
    throw new NatsError(stream.address, "superseded", "another trainer publishes this model now");
  }
  const head = message === null ? null : decodedHead(message);
  const isOurs = head !== null && head.logId === feed.logId && head.anchors.length > 0;
  const writer = isOurs && !anew ? await resumed(options, head, sequence) : null;
  return writer ?? begun(options, sequence);
}

/** Goes on; null where the feed is not at the chain's end, nor behind it. */
async function resumed(
  { stream, bucket, shelf, feed, publisher }: TakeOver,
  head: HttpHead,
  sequence: number,
): Promise<StreamWriter | null> {
  const { logId } = feed;
  const message = await stream.newest(stream.names.updatesOf(logId));
  const newest = message === null ? null : streamUpdateOf(message);
  if (message !== null && newest === null) return null;
  const at = newest !== null && newest.to.version >= head.version ? newest.to : head;
  const isSame = at.version === feed.version && at.fingerprint === feed.fingerprint;
  if (at.version >= feed.version && !isSame) return null;
  const offset = newest === null ? 0 : newest.offset + newest.bytes;
  const { version = -1 } = head.anchors.at(-1) ?? {};
  const next = await stream.newest(stream.names.update(logId, version));
  const behind = next === null ? null : streamUpdateOf(next);
  shelf.restore(head, behind?.offset ?? (version === at.version ? offset : null));
  const { version: atVersion, fingerprint } = at;
  const start = { logId, publisher, sequence, offset, at: { version: atVersion, fingerprint } };
  const writer = new StreamWriter(stream, bucket, start);
  await writer.publishHead(shelf.head);
  return writer;
}

/** Begins a chain at the feed's state, and removes what was there. */
async function begun(
  { stream, bucket, shelf, feed, publisher }: TakeOver,
  sequence: number,
): Promise<StreamWriter> {
  const { logId, version, fingerprint } = feed;
  const at = { version, fingerprint };
  await shelf.begin(feed.sealed(), at);
  await stream.purge(stream.names.everyUpdate);
  const writer = new StreamWriter(stream, bucket, { logId, publisher, sequence, at, offset: 0 });
  await writer.publishHead(shelf.head);
  await shelf.clean();
  return writer;
}

function decodedHead(message: StreamMessage): HttpHead | null {
  try {
    return headOf(message);
  } catch {
    return null;
  }
}
