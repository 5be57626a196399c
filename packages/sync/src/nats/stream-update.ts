import type { StateName } from "../replica/runtime.ts";
import type { StreamMessage } from "./stream-message.ts";

/** Header of an update's message: `{to} {fingerprint after} {offset} {bytes}`. */
export const UPDATE_HEADER = "Everfresh-Update";

/** Header of an update that is an object, being longer than a message may be: its name. */
export const OBJECT_HEADER = "Everfresh-Object";

/** An update as the stream of a model has it. */
export interface StreamUpdate {
  /** The message's place in the stream. */
  readonly sequence: number;
  /** The version that it leads on from. */
  readonly from: number;
  /** The state that it leads to. */
  readonly to: StateName;
  /** Bytes of all updates before it, from where its chain began. */
  readonly offset: number;
  /** Bytes of the update. */
  readonly bytes: number;
  /** The update; empty where it is an object. */
  readonly data: Uint8Array;
  /** Name of the object; null where the update is in the message. */
  readonly object: string | null;
}

/** The value of {@link UPDATE_HEADER}. */
export function updateHeader(to: StateName, offset: number, bytes: number): string {
  return `${to.version} ${to.fingerprint} ${offset} ${bytes}`;
}

/** The update that a message is; null for one that is none of ours. */
export function streamUpdateOf(message: StreamMessage): StreamUpdate | null {
  const from = /\.(\d{1,16})$/.exec(message.subject)?.[1];
  const fields = /^(\d{1,16}) ([0-9a-f]{32}) (\d{1,16}) (\d{1,16})$/.exec(
    message.header(UPDATE_HEADER) ?? "",
  );
  const [, version, fingerprint, offset, bytes] = fields ?? [];
  if (from === undefined || fingerprint === undefined) return null;
  return {
    sequence: message.sequence,
    from: Number(from),
    to: { version: Number(version), fingerprint },
    offset: Number(offset),
    bytes: Number(bytes),
    data: message.data,
    object: message.header(OBJECT_HEADER),
  };
}
