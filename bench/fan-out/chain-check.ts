import { crc32 } from "node:zlib";
import { readUpdateHeader } from "@everfresh/sync";
import { FEED_MESSAGE_TYPES } from "../../packages/sync/src/protocol/message-codec.ts";

/** What became of a message. */
export type Checked = "manifest" | "snapshot" | "update" | "head";

/**
 * Follows a feed without a model: checks the CRC of every message, and that each update starts from
 * the version and the fingerprint where the one before it ended.
 */
export class ChainCheck {
  #version = -1;
  #fingerprint = "";

  /** The version that the chain has reached; -1 before the snapshot. */
  get version(): number {
    return this.#version;
  }

  /** The fingerprint of that version. */
  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** @throws Error, CorruptUpdateError for a message that is damaged or does not follow */
  take(message: Buffer): Checked {
    const [type = -1] = message;
    switch (type) {
      case FEED_MESSAGE_TYPES.manifest:
        checkCrc(message.subarray(1));
        return "manifest";
      case FEED_MESSAGE_TYPES.snapshot:
        this.#start(message);
        return "snapshot";
      case FEED_MESSAGE_TYPES.update:
        this.#follow(message.subarray(1));
        return "update";
      case FEED_MESSAGE_TYPES.head:
        checkCrc(message);
        return "head";
      default:
        throw new Error(`A message of type ${type} came`);
    }
  }

  /** SPEC.md section 3: `text` log id, then "ES", format, flags, version, fingerprint. */
  #start(message: Buffer): void {
    const logIdBytes = message[1] ?? 0;
    const snapshot = message.subarray(2 + logIdBytes);
    checkCrc(snapshot);
    let at = 4;
    let version = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = snapshot[at++] ?? 0;
      version += (byte & 127) * scale;
      if (byte < 128) break;
    }
    this.#version = version;
    this.#fingerprint = snapshot.toString("hex", at, at + 16);
  }

  #follow(update: Buffer): void {
    const header = readUpdateHeader(update);
    const follows =
      header.fromVersion === this.#version && header.fingerprintBefore === this.#fingerprint;
    if (!follows) {
      throw new Error(
        `Update from version ${header.fromVersion}, ${header.fingerprintBefore}, came after ` +
          `version ${this.#version}, ${this.#fingerprint}`,
      );
    }
    this.#version = header.toVersion;
    this.#fingerprint = header.fingerprintAfter;
  }
}

function checkCrc(bytes: Buffer): void {
  const end = bytes.length - 4;
  if (end < 0 || crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) {
    throw new Error(`A message of ${bytes.length} bytes has a wrong CRC`);
  }
}
