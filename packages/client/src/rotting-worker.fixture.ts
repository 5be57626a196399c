/** Runs the real worker of a session, in a thread whose memory rots when a test says so. */
import { workerData } from "node:worker_threads";

/** What the thread is started with, beside what its worker is started with. */
export interface RottingSetup {
  /** The worker that was meant to run here. */
  readonly entry: string;
  /** Name of a broadcast channel: the number of a byte flips a bit of it, and comes back. */
  readonly rotChannel: string;
  readonly initial: { readonly buffer: ArrayBuffer };
}

const { entry, rotChannel, initial } = workerData as RottingSetup;
const memory = new Uint8Array(initial.buffer);
const channel = new BroadcastChannel(rotChannel);
channel.addEventListener("message", ({ data }: MessageEvent<number>) => {
  memory[data] = (memory[data] ?? 0) ^ 1;
  channel.postMessage(data);
});
// As always, only the worker's own port keeps the thread alive.
(channel as unknown as { unref(): void }).unref();
await import(entry);
