import { decodeManifest } from "../codec/manifest-codec.ts";
import { decodeSnapshot } from "../codec/snapshot-codec.ts";
import { readUpdateHeader, type UpdateHeader } from "../codec/update-header.ts";
import { NatsError } from "../errors.ts";
import { frameManifest, frameSnapshot } from "../protocol/message-codec.ts";
import { FEED_MESSAGE_BYTES_MAX } from "../protocol/message.ts";
import type { StateName } from "../replica/runtime.ts";
import { type Anchor, decodeHttpHead, type HttpHead } from "../transport/http/http-head.ts";
import type { StreamView } from "./cheapest-start.ts";
import type { ModelStream } from "./model-stream.ts";
import type { StreamMessage } from "./stream-message.ts";
import { natsObjects } from "./nats-names.ts";
import { type StreamUpdate, streamUpdateOf } from "./stream-update.ts";

/** A head with its place in the stream. */
export interface FoundHead extends HttpHead {
  readonly sequence: number;
}

/**
 * The head that a message is.
 * @throws ProtocolError, UnsupportedFormatError when it is none
 */
export function headOf({ sequence, data }: StreamMessage): FoundHead {
  return { ...decodeHttpHead(data), sequence };
}

/**
 * The newest head of a model.
 * @throws NatsError of fault "noModel" when there is none
 */
export async function readHead(stream: ModelStream): Promise<FoundHead> {
  const message = await stream.newest(stream.names.head);
  if (message !== null) return headOf(message);
  throw new NatsError(stream.address, "noModel", `there is no stream ${stream.names.stream}`);
}

/** What the stream has for a replica at `has`. */
export async function readView(
  stream: ModelStream,
  head: FoundHead,
  has: StateName | null,
  suspects: ReadonlySet<number>,
): Promise<StreamView> {
  const { logId, anchors } = head;
  const message = await stream.newest(stream.names.updatesOf(logId));
  const newest = message === null ? null : streamUpdateOf(message);
  const isBehind = newest === null || newest.to.version < head.version;
  const next = new Map<number, StreamUpdate>();
  for (const { version } of [...(has === null ? [] : [has]), ...anchors]) {
    const update = await updateFrom(stream, logId, version);
    if (update !== null) next.set(version, update);
  }
  const first = has === null ? undefined : next.get(has.version);
  if (has !== null && first !== undefined && !(await leadsOn(stream, first, has))) {
    next.delete(has.version);
  }
  return {
    anchors,
    end: isBehind ? head : newest.to,
    endOffset: newest === null ? 0 : newest.offset + newest.bytes,
    endSequence: Math.max(head.sequence, newest?.sequence ?? 0),
    next,
    suspects,
  };
}

/** The bytes of an update; null when its object is not there. */
export async function bytesOf(
  stream: ModelStream,
  { object, data }: StreamUpdate,
): Promise<Uint8Array | null> {
  return object === null ? data : stream.object(object);
}

/** A snapshot to begin with, as frames, and the state that it is. */
export interface AnchorFrames {
  readonly frames: readonly Uint8Array[];
  readonly at: StateName;
}

/** An anchor, with the manifest where that is needed; null when something of it is not there. */
export async function readAnchor(
  stream: ModelStream,
  { logId, manifest: name }: HttpHead,
  { version, bytes }: Anchor,
  needsManifest: boolean,
): Promise<AnchorFrames | null> {
  if (bytes > FEED_MESSAGE_BYTES_MAX) return null;
  const frames: Uint8Array[] = [];
  if (needsManifest) {
    const manifest = await stream.object(natsObjects.manifest(logId, name));
    if (manifest === null || !isManifest(manifest)) return null;
    frames.push(frameManifest(manifest));
  }
  const sealed = await stream.object(natsObjects.anchor(logId, version));
  const at = sealed === null ? null : stateNameIn(sealed);
  if (sealed === null || at?.version !== version) return null;
  frames.push(frameSnapshot(logId, sealed));
  return { frames, at };
}

async function updateFrom(
  stream: ModelStream,
  logId: string,
  version: number,
): Promise<StreamUpdate | null> {
  const message = await stream.newest(stream.names.update(logId, version));
  return message === null ? null : streamUpdateOf(message);
}

/** Whether an update is whole, and applies to the very state that is there. */
async function leadsOn(
  stream: ModelStream,
  update: StreamUpdate,
  has: StateName,
): Promise<boolean> {
  const bytes = await bytesOf(stream, update);
  const header = bytes === null ? null : headerIn(bytes);
  if (header === null || !isSame(header, update)) return false;
  return header.fingerprintBefore === has.fingerprint;
}

/**
 * Whether an update is the one that its message says. One that cannot be read is for the replica to
 * refuse.
 */
export function isAsSaid(bytes: Uint8Array, update: StreamUpdate): boolean {
  const header = headerIn(bytes);
  return header === null || isSame(header, update);
}

function isSame(header: UpdateHeader, { from, to }: StreamUpdate): boolean {
  const leadsThere = header.toVersion === to.version && header.fingerprintAfter === to.fingerprint;
  return header.fromVersion === from && leadsThere;
}

function headerIn(bytes: Uint8Array): UpdateHeader | null {
  try {
    return readUpdateHeader(bytes);
  } catch {
    return null;
  }
}

/** What is damaged is as good as not there. */
function isManifest(bytes: Uint8Array): boolean {
  try {
    decodeManifest(bytes);
    return true;
  } catch {
    return false;
  }
}

function stateNameIn(snapshot: Uint8Array): StateName | null {
  try {
    const { version, fingerprint } = decodeSnapshot(snapshot);
    return { version, fingerprint };
  } catch {
    return null;
  }
}
