/** A WebSocket frame as a server sends it: whole, never masked (RFC 6455 section 5.2). */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Opcodes of RFC 6455 section 11.8. */
export const OPCODES = { binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Cuts what a server sends into frames, however it comes in pieces. */
export class FrameReader {
  readonly #onFrame: (frame: ServerFrame) => void;
  /** The begin of a frame whose header or small payload is not all there yet. */
  #rest: Buffer | null = null;
  /** A large frame that is being filled: without copying what is there again and again. */
  #large: LargeFrame | null = null;

  constructor(onFrame: (frame: ServerFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes in what has come; payloads of small frames are views on it. */
  push(chunk: Buffer): void {
    let bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    while (bytes.length > 0) {
      if (this.#large !== null) bytes = this.#fill(this.#large, bytes);
      else {
        const head = headOf(bytes);
        if (head === null) {
          this.#rest = Buffer.from(bytes);
          return;
        }
        const { opcode, start, length } = head;
        bytes = bytes.subarray(start);
        if (bytes.length >= length) {
          this.#onFrame({ opcode, payload: bytes.subarray(0, length) });
          bytes = bytes.subarray(length);
        } else this.#large = { opcode, payload: Buffer.allocUnsafeSlow(length), filled: 0 };
      }
    }
  }

  #fill(large: LargeFrame, bytes: Buffer): Buffer {
    const taken = bytes.copy(large.payload, large.filled);
    large.filled += taken;
    if (large.filled === large.payload.length) {
      this.#large = null;
      this.#onFrame({ opcode: large.opcode, payload: large.payload });
    }
    return bytes.subarray(taken);
  }
}

interface LargeFrame extends ServerFrame {
  filled: number;
}

interface Head {
  readonly opcode: number;
  /** Where the payload starts. */
  readonly start: number;
  readonly length: number;
}

/** The header of a frame; null when it is not all there. */
function headOf(bytes: Buffer): Head | null {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return null;
  if ((first & 0xf0) !== 0x80)
    throw new Error(`Frame of first byte ${first} is not whole and plain`);
  const opcode = first & 0x0f;
  if (second < 126) return { opcode, start: 2, length: second };
  if (second === 126) {
    return bytes.length < 4 ? null : { opcode, start: 4, length: bytes.readUInt16BE(2) };
  }
  if (second > 127) throw new Error("A server must not mask its frames");
  return bytes.length < 10 ? null : { opcode, start: 10, length: Number(bytes.readBigUInt64BE(2)) };
}

/** Any key will do: nothing between here and the server could be misled. */
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

/** A short frame as a client sends it: whole and masked. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  if (payload.length > 125) throw new Error(`Payload of ${payload.length} bytes is not short`);
  const frame = Buffer.alloc(6 + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | payload.length;
  frame.set(MASK, 2);
  for (let i = 0; i < payload.length; i++) {
    frame[6 + i] = (payload[i] ?? 0) ^ (MASK[i % MASK.length] ?? 0);
  }
  return frame;
}
