import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { encodeReplicaMessage } from "../../packages/sync/src/protocol/message-codec.ts";
import { PROTOCOL_VERSION } from "../../packages/sync/src/protocol/message.ts";
import { ChainCheck } from "./chain-check.ts";
import { clientFrame, FrameReader, OPCODES, type ServerFrame } from "./frame-reader.ts";

/** Who hears what a {@link LightReplica} does. */
export interface LightReplicaListener {
  /** It has checked the snapshot. */
  joined(bytesReceived: number): void;
  /** It has checked an update to `version`. */
  checked(version: number): void;
  /** It cannot go on. */
  failed(error: Error): void;
}

const HELLO = clientFrame(
  OPCODES.binary,
  encodeReplicaMessage({ kind: "hello", protocolVersion: PROTOCOL_VERSION, have: null }),
);

/** What has come is dealt with before the next bytes are read, whichever replica they are for. */
const READ_BUFFER = Buffer.alloc(64 * 1024);

/**
 * A replica that checks and acknowledges like every other, but holds no model: thousands fit into one
 * process. On a plain socket, because a WebSocket client would cost more than the server under test.
 */
export class LightReplica {
  readonly #socket: Socket;
  readonly #listener: LightReplicaListener;
  readonly #chain = new ChainCheck();
  readonly #frames = new FrameReader((frame) => this.#take(frame));
  #upgraded = false;
  #head = "";

  constructor(url: URL, listener: LightReplicaListener) {
    this.#listener = listener;
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes, buffer) => {
          this.#read((buffer as Buffer).subarray(0, bytes));
          return true;
        },
      },
    });
    this.#socket.on("connect", () => this.#socket.write(handshakeOf(url)));
    this.#socket.on("error", (error) => listener.failed(error));
    this.#socket.on("end", () => listener.failed(new Error("The server closed a connection")));
  }

  /** Ends without a word. */
  close(): void {
    this.#socket.removeAllListeners("end");
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      if (this.#upgraded) this.#frames.push(chunk);
      else this.#readHandshake(chunk);
    } catch (error) {
      this.#listener.failed(error as Error);
      this.close();
    }
  }

  #readHandshake(chunk: Buffer): void {
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    if (!this.#head.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`The server refused: ${this.#head.slice(0, 100)}`);
    }
    this.#upgraded = true;
    this.#socket.write(HELLO);
    const rest = this.#head.slice(end + 4);
    this.#head = "";
    if (rest.length > 0) this.#frames.push(Buffer.from(rest, "latin1"));
  }

  #take({ opcode, payload }: ServerFrame): void {
    if (opcode === OPCODES.ping) this.#socket.write(clientFrame(OPCODES.pong, payload));
    else if (opcode === OPCODES.close)
      throw new Error(`The server said goodbye: ${payload.toString()}`);
    else if (opcode === OPCODES.binary) this.#follow(payload);
  }

  #follow(message: Buffer): void {
    const checked = this.#chain.take(message);
    if (checked !== "snapshot" && checked !== "update") return;
    const { version, fingerprint } = this.#chain;
    if (checked === "update") this.#listener.checked(version);
    this.#socket.write(ackOf(version, fingerprint));
    if (checked === "snapshot") this.#listener.joined(this.#socket.bytesRead);
  }
}

let lastAck: { version: number; fingerprint: string; frame: Buffer } | null = null;

/** All replicas say the same. */
function ackOf(version: number, fingerprint: string): Buffer {
  if (lastAck?.version !== version || lastAck.fingerprint !== fingerprint) {
    const message = encodeReplicaMessage({ kind: "ack", version, fingerprint });
    lastAck = { version, fingerprint, frame: clientFrame(OPCODES.binary, message) };
  }
  return lastAck.frame;
}

function handshakeOf({ host, pathname }: URL): string {
  return [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    "Sec-WebSocket-Version: 13",
    "\r\n",
  ].join("\r\n");
}
