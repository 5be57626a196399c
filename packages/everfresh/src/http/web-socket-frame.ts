/** First byte of a frame: a binary message, whole. */
const WHOLE_BINARY = 0x82;

/**
 * A binary message as a server sends it over a WebSocket: one frame, never masked (RFC 6455
 * section 5.2).
 */
export function webSocketFrame(message: Uint8Array): Buffer {
  const { length } = message;
  const headBytes = length < 126 ? 2 : length < 2 ** 16 ? 4 : 10;
  const frame = Buffer.allocUnsafeSlow(headBytes + length);
  frame[0] = WHOLE_BINARY;
  if (headBytes === 2) frame[1] = length;
  else if (headBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(message, headBytes);
  return frame;
}
