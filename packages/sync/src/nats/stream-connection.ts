/**
 * Plays the feed's part of the protocol on the replica's side, from what the stream has:
 *
 *   joining ── hello ──► answering ── where to begin ──► following ──┐ update: a frame
 *                          ▲  │                               │ │ ◄──┘
 *                          └──│─ resync; another log; a hole ─┘ │
 *                             ▼                                 ▼
 *              nothing leads on: asks the trainer, ends      lost, gone back, stuck: ends
 */
import { NatsError } from "../errors.ts";
import {
  decodeReplicaMessage,
  encodeFeedMessage,
  encodeReplicaMessage,
} from "../protocol/message-codec.ts";
import { frameUpdate } from "../protocol/message-codec.ts";
import type { Position, ResyncReason } from "../protocol/message.ts";
import type { StateName } from "../replica/runtime.ts";
import type { Timers } from "../timers.ts";
import { FrameQueue } from "../transport/frame-queue.ts";
import type { Connection } from "../transport/transport.ts";
import { cheapestStart } from "./cheapest-start.ts";
import type { ModelStream } from "./model-stream.ts";
import type { Following, StreamMessage } from "./stream-message.ts";
import { natsErrorOf } from "./nats-fault.ts";
import { natsToken } from "./nats-names.ts";
import {
  bytesOf,
  type FoundHead,
  headOf,
  isAsSaid,
  readAnchor,
  readHead,
  readView,
} from "./read-stream.ts";
import { streamUpdateOf } from "./stream-update.ts";
import type { SuspectUpdates } from "./suspect-updates.ts";

/** What a {@link StreamConnection} is made of. */
export interface StreamConnectionParts {
  /** Closed with the connection. */
  readonly stream: ModelStream;
  readonly timers: Timers;
  readonly beatMs: number;
  /** Bytes that wait while the replica is busy; then no more are read from the stream. */
  readonly waitingBytesMax: number;
  readonly suspects: SuspectUpdates;
}

/** Looks without progress, though there is something to read, after which a reader is stuck. */
const STUCK_BEATS_MAX = 3;

/** One replica's reading of a model's stream. */
export class StreamConnection implements Connection {
  readonly #parts: StreamConnectionParts;
  readonly #stream: ModelStream;
  // An answer may be as large as it is; what comes after it waits in the stream.
  readonly #queue = new FrameQueue(Infinity);
  readonly #asked: PromiseWithResolvers<void> = Promise.withResolvers();
  #isClosed = false;
  /** Whether the replica waits for an answer. */
  #isAsked = false;
  #isGreeting = true;
  /** What the replica has once it took all frames; null when only a snapshot helps. */
  #has: Position | null = null;
  /** The version that the replica has said last that it serves. */
  #servedVersion: number | null = null;
  /** The log whose manifest the replica has. */
  #manifestLogId: string | null = null;
  #following: Following | null = null;
  /** The place of the newest message that was read. */
  #sequence = 0;
  #cancelBeat: (() => void) | null = null;

  constructor(parts: StreamConnectionParts) {
    this.#parts = parts;
    this.#stream = parts.stream;
  }

  /**
   * The first look: whether there is a model.
   * @throws NatsError when there is none
   */
  async start(): Promise<void> {
    await readHead(this.#stream);
    void this.#run();
  }

  send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const message = decodeReplicaMessage(frame);
    if (message.kind === "ack") {
      this.#servedVersion = message.version;
      return;
    }
    this.#has = message.have;
    if (message.kind === "hello") this.#manifestLogId = message.have?.logId ?? null;
    else this.#refused(message.reason, message.have);
    this.#isAsked = true;
    this.#asked.resolve();
    this.#following?.stop();
  }

  close(): void {
    this.#queue.clear();
    this.#end(null);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#queue[Symbol.asyncIterator]();
  }

  /** Answers and follows until it is closed; never throws. */
  async #run(): Promise<void> {
    try {
      await Promise.race([this.#asked.promise, this.#stream.lost]);
      while (!this.#isClosed) {
        this.#isAsked = false;
        const sequence = await this.#answer();
        if (sequence !== null) await this.#follow(sequence);
      }
    } catch (error) {
      this.#end(natsErrorOf(error, this.#stream.address));
    }
  }

  /** Whether what is under way is no answer any more. */
  #needsAnswer(): boolean {
    return this.#isAsked || this.#isClosed;
  }

  #end(error: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.end(error);
    this.#cancelBeat?.();
    this.#following?.stop();
    // What a carrier says while it closes concerns nobody any more.
    this.#stream.close().catch(() => undefined);
  }

  #refused(reason: ResyncReason, have: Position | null): void {
    if (reason === "noManifest") this.#manifestLogId = null;
    const version = have?.version ?? this.#servedVersion;
    const isAtFault = reason === "corrupt" || reason === "diverged";
    if (!isAtFault || version === null || this.#manifestLogId === null) return;
    this.#parts.suspects.refused(this.#manifestLogId, version);
  }

  /** Hands over what brings the replica onto the stream; where to read on, or null to ask again. */
  async #answer(): Promise<number | null> {
    const asked = this.#has;
    const head = await readHead(this.#stream);
    const { logId } = head;
    const needsManifest = this.#manifestLogId !== logId;
    const has = asked?.logId === logId && !needsManifest ? asked : null;
    const suspects = this.#parts.suspects.versionsOf(logId);
    const view = await readView(this.#stream, head, has, suspects);
    const start = cheapestStart(view, has);
    if (start === null) throw await this.#incomplete(asked, view.end);
    if (start.anchor !== null) {
      const anchor = await readAnchor(this.#stream, head, start.anchor, needsManifest);
      if (anchor === null) throw await this.#incomplete(asked, view.end);
      if (this.#needsAnswer()) return null;
      for (const frame of anchor.frames) this.#queue.push(frame);
      this.#manifestLogId = logId;
      this.#has = { logId, ...anchor.at };
    } else {
      if (this.#needsAnswer()) return null;
      // Updates do not name their log: a new connection does, before the first one. It is the whole
      // answer to who is at the end.
      const { version, fingerprint } = view.end;
      const isThere = has?.version === version;
      if (this.#isGreeting || isThere) this.#pushHead({ logId, version, fingerprint });
    }
    this.#isGreeting = false;
    return start.sequence;
  }

  /** Reads on until something asks for another answer. */
  async #follow(sequence: number): Promise<void> {
    this.#sequence = sequence - 1;
    const following = await this.#stream.follow(sequence);
    this.#following = following;
    this.#beat(0, this.#sequence);
    try {
      if (this.#needsAnswer()) return;
      for await (const message of following) {
        if (this.#needsAnswer() || !(await this.#take(message))) return;
        this.#sequence = message.sequence;
        if (this.#queue.bufferedBytes > this.#parts.waitingBytesMax) await this.#queue.drained();
      }
    } finally {
      this.#cancelBeat?.();
      following.stop();
      this.#following = null;
    }
    if (this.#needsAnswer()) return;
    await Promise.race([this.#stream.lost, this.#stream.lastSequence()]);
    throw new NatsError(this.#stream.address, "failed", "its reader ended");
  }

  /** Hands a message over; false when another answer is needed. */
  async #take(message: StreamMessage): Promise<boolean> {
    if (message.subject === this.#stream.names.head) return this.#takeHead(headOf(message));
    const update = streamUpdateOf(message);
    const logId = this.#manifestLogId;
    const isOurs = logId !== null && message.subject.includes(`.updates.${natsToken(logId)}.`);
    if (update === null || !isOurs || update.to.version <= (this.#has?.version ?? 0)) return true;
    const bytes = await bytesOf(this.#stream, update);
    if (bytes === null || !isAsSaid(bytes, update) || this.#needsAnswer()) return false;
    this.#queue.push(frameUpdate(bytes));
    this.#has = { logId, ...update.to };
    return true;
  }

  #takeHead({ logId, version, anchors }: FoundHead): boolean {
    const has = this.#has;
    if (logId !== this.#manifestLogId || has === null) return false;
    if (version < has.version) {
      const reason = `its log went back from version ${has.version} to ${version}`;
      throw new NatsError(this.#stream.address, "incomplete", reason);
    }
    // A head follows the updates that it tells of: what is behind it came by, or is not there.
    return Math.max(version, anchors.at(-1)?.version ?? 0) <= has.version;
  }

  /** Says that the stream is alive, and how far it was read; finds a reader that is stuck. */
  #beat(stuckBeats: number, sequenceBefore: number): void {
    const { timers, beatMs } = this.#parts;
    this.#cancelBeat = timers.after(beatMs, () => {
      this.#look(stuckBeats, sequenceBefore).catch((error: unknown) =>
        this.#end(natsErrorOf(error, this.#stream.address)),
      );
    });
  }

  async #look(stuckBeats: number, sequenceBefore: number): Promise<void> {
    const following = this.#following;
    const last = await this.#stream.lastSequence();
    if (this.#following !== following || following === null || this.#isClosed) return;
    const { address } = this.#stream;
    if (last === null) throw new NatsError(address, "noModel", "its stream was removed");
    if (last < this.#sequence) throw new NatsError(address, "noModel", "its stream began anew");
    const isBusy = this.#queue.bufferedBytes > 0;
    const isStuck = last > this.#sequence && this.#sequence === sequenceBefore && !isBusy;
    if (isStuck && stuckBeats + 1 >= STUCK_BEATS_MAX) {
      throw new NatsError(address, "failed", "its reader is stuck");
    }
    if (this.#has !== null && !isBusy && !isStuck) this.#pushHead(this.#has);
    this.#beat(isStuck ? stuckBeats + 1 : 0, this.#sequence);
  }

  #pushHead(at: Position): void {
    this.#queue.push(encodeFeedMessage({ kind: "head", ...at }));
  }

  /** Tells the trainer what is missing. */
  async #incomplete(have: Position | null, end: StateName): Promise<NatsError> {
    const { names, address } = this.#stream;
    const ask = encodeReplicaMessage({ kind: "resync", reason: "gap", have });
    await this.#stream.say(names.asks, ask);
    const from = have === null ? "nothing" : `version ${have.version}`;
    const reason = `the stream does not lead from ${from} to version ${end.version}`;
    return new NatsError(address, "incomplete", reason);
  }
}
