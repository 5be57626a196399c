import type { DriftView, ModelStatus } from "@everfresh/sync";
import type { FastifyReply } from "fastify";

const INTERVAL_MS = 250; // four times a second is as much as an eye follows
const DRIFT_INTERVALS = 4; // it takes longer to say, and nobody reads it more than once a second
const HEARTBEAT_INTERVALS = 40; // a comment every 10 s keeps proxies from closing an idle stream

/** What is streamed about a model. */
export interface StreamedModel {
  status(): ModelStatus;
  /** Null where drift is not watched. */
  readonly drift: { view(): DriftView } | null;
}

/**
 * Sends the status as Server-Sent Events named "status": at once, and then whenever it has changed,
 * at most four times a second; what is seen of drift likewise as "drift", at most once a second. A client
 * that reads too slowly gets fewer, never a queue.
 */
export function streamStatus(
  reply: FastifyReply,
  model: StreamedModel,
  headers: Readonly<Record<string, string>>,
): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...headers,
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  const sent = new Map<string, string>();
  let [ticks, idle] = [0, 0];
  const sendNew = (name: string, data: unknown): void => {
    const text = JSON.stringify(data);
    if (text === sent.get(name)) return;
    sent.set(name, text);
    idle = 0;
    raw.write(`event: ${name}\ndata: ${text}\n\n`);
  };
  const send = (): void => {
    if (raw.writableNeedDrain) return;
    idle++;
    sendNew("status", model.status());
    if (model.drift !== null && ticks++ % DRIFT_INTERVALS === 0) {
      sendNew("drift", model.drift.view());
    }
    if (idle >= HEARTBEAT_INTERVALS) {
      idle = 0;
      raw.write(": still here\n\n");
    }
  };
  send();
  const timer = setInterval(send, INTERVAL_MS);
  raw.on("close", () => clearInterval(timer));
}
