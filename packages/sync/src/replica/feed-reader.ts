import { type HashManifest, verifyManifest, verifySnapshot } from "../codec/state-signature.ts";
import { type SignaturePolicy, verifyUpdate } from "../codec/update-signature.ts";
import { UpdateSignatureError } from "../errors.ts";
import { FEED_MESSAGE_TYPES } from "../protocol/message-codec.ts";
import type { FeedMessage } from "../protocol/message.ts";

/** Makes the message of a frame. */
export type DecodeMessage = (frame: Uint8Array) => FeedMessage;

/** What a reader is made of. */
export interface FeedReaderParts {
  readonly decode: DecodeMessage;
  readonly hash: HashManifest;
}

/**
 * Reads what a feed says; with a policy, only what is signed as that asks for: manifests and
 * updates before their content is decoded, snapshots for the manifest that came last.
 */
export class FeedReader {
  readonly #parts: FeedReaderParts;
  readonly #policy: SignaturePolicy | null;
  #manifest: Uint8Array | null;
  #hash: Promise<Uint8Array> | null = null;

  /** @param manifest the one that snapshots belong to before another one comes */
  constructor(parts: FeedReaderParts, policy: SignaturePolicy | null, manifest: Uint8Array | null) {
    this.#parts = parts;
    this.#policy = policy;
    this.#manifest = manifest;
  }

  /**
   * The message of a frame.
   * @throws UpdateSignatureError for one that the policy does not allow, and what decoding throws
   */
  read(frame: Uint8Array): FeedMessage | Promise<FeedMessage> {
    return this.#policy === null
      ? this.#parts.decode(frame)
      : this.#readSigned(frame, this.#policy);
  }

  async #readSigned(frame: Uint8Array, policy: SignaturePolicy): Promise<FeedMessage> {
    if (frame[0] === FEED_MESSAGE_TYPES.manifest) await verifyManifest(frame.subarray(1), policy);
    const message = this.#parts.decode(frame);
    if (message.kind === "manifest") {
      this.#manifest = message.bytes;
      this.#hash = null;
    } else if (message.kind === "update") await verifyUpdate(message.bytes, policy);
    else if (message.kind === "snapshot") {
      if (this.#manifest === null) {
        throw new UpdateSignatureError("wrong", "a snapshot came before its manifest");
      }
      this.#hash ??= this.#parts.hash(this.#manifest);
      await verifySnapshot(message.bytes, policy, await this.#hash);
    }
    return message;
  }
}
