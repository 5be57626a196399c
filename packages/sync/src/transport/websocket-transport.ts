import { TransportError } from "../errors.ts";
import { FEED_MESSAGE_BYTES_MAX } from "../protocol/message.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { Connection, Transport } from "./transport.ts";

/**
 * Bytes that may wait while the replica is busy; beyond, starting anew is cheaper than catching
 * up.
 */
const INBOUND_BYTES_MAX: number = 64 * 2 ** 20;

// WebSocket implementations do not tell pages, nor Node, why a handshake failed.
const NOT_OPENED = "no server answers there, or it serves something else";

/**
 * Connects over the runtime's own `WebSocket` (browsers, Node 22 and newer, Deno, Bun, edge
 * workers).
 * @param url starting with ws:// or wss://
 */
export function webSocketTransport(url: string): Transport {
  return {
    address: url,
    open: (signal) => openWebSocket(url, signal),
  };
}

function openWebSocket(url: string, signal: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch (error) {
      throw new TransportError(url, "not a WebSocket address", error);
    }
    socket.binaryType = "arraybuffer";
    const queue = new FrameQueue(INBOUND_BYTES_MAX);
    const abort = (): void => {
      // First of all, because closing may report the failure at once.
      reject(signal.reason as Error);
      queue.clear();
      socket.close();
    };
    signal.addEventListener("abort", abort, { once: true });
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
      resolve(connectionOn(socket, queue));
    };
    socket.onmessage = (event: MessageEvent<unknown>) => receive(socket, queue, event.data);
    // No `onerror`: by design of the browsers it says nothing that `onclose` does not.
    socket.onclose = ({ code, reason, wasClean }) => {
      signal.removeEventListener("abort", abort);
      if (!isOpen) reject(new TransportError(url, NOT_OPENED));
      else queue.end(wasClean ? null : new TransportError(url, closeText(code, reason)));
    };
  });
}

function connectionOn(socket: WebSocket, queue: FrameQueue): Connection {
  return {
    send(frame) {
      if (socket.readyState === WebSocket.OPEN) socket.send(new Uint8Array(frame));
    },
    close() {
      queue.clear();
      socket.close();
    },
    [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
  };
}

function receive(socket: WebSocket, queue: FrameQueue, data: unknown): void {
  const problem =
    problemOf(data) ?? (queue.push(new Uint8Array(data as ArrayBuffer)) ? null : FULL);
  if (problem === null) return;
  queue.end(new TransportError(socket.url, problem));
  socket.close(3000, problem);
}

const FULL = "more updates came than could be applied";

function problemOf(data: unknown): string | null {
  if (!(data instanceof ArrayBuffer)) return "a text message came, only binary ones are expected";
  return data.byteLength > FEED_MESSAGE_BYTES_MAX ? "a message is too large" : null;
}

function closeText(code: number, reason: string): string {
  return reason === "" ? `closed with code ${code}` : `closed with code ${code}: ${reason}`;
}
