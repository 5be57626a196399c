import type { ModelStatus } from "@everfresh/sync";
import type { FastifyReply } from "fastify";

const INTERVAL_MS = 250; // four times a second is as much as an eye follows
const HEARTBEAT_INTERVALS = 40; // a comment every 10 s keeps proxies from closing an idle stream

/**
 * Sends the status as Server-Sent Events named "status": at once, and then whenever it has changed,
 * at most four times a second. A client that reads too slowly gets fewer, never a queue.
 */
export function streamStatus(
  reply: FastifyReply,
  status: () => ModelStatus,
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
  let sent = "";
  let idle = 0;
  const send = (): void => {
    if (raw.writableNeedDrain) return;
    const text = JSON.stringify(status());
    if (text !== sent) {
      sent = text;
      idle = 0;
      raw.write(`event: status\ndata: ${text}\n\n`);
    } else if (++idle >= HEARTBEAT_INTERVALS) {
      idle = 0;
      raw.write(": still here\n\n");
    }
  };
  send();
  const timer = setInterval(send, INTERVAL_MS);
  raw.on("close", () => clearInterval(timer));
}
