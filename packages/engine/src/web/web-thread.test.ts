import { describe, expect, it } from "vitest";
import { SessionClosedError, WorkerCrashedError } from "../errors.ts";
import type { WorkerReply } from "../sessions/thread.ts";
import { WebThread, type WebWorker } from "./web-thread.ts";

/** A worker of which only the border is real. */
class FakeWorker extends EventTarget implements WebWorker {
  readonly sent: unknown[] = [];
  terminations = 0;

  postMessage(message: unknown): void {
    this.sent.push(message);
  }

  terminate(): void {
    this.terminations++;
  }

  reply(reply: WorkerReply): void {
    this.dispatchEvent(new MessageEvent("message", { data: reply }));
  }
}

function start(): { worker: FakeWorker; thread: WebThread<string>; crashes: Error[] } {
  const worker = new FakeWorker();
  const crashes: Error[] = [];
  const thread = new WebThread<string>(worker, "setup", (error) => crashes.push(error));
  return { worker, thread, crashes };
}

describe("WebThread", () => {
  it("sends the setup first, and settles calls in their order", async () => {
    const { worker, thread } = start();
    const answers = [thread.ready(), thread.call("a"), thread.call("b")];
    expect(worker.sent).toEqual(["setup", "a", "b"]);
    expect(thread.waiting).toBe(3);
    worker.reply({ kind: "reply", value: "ready" });
    worker.reply({
      kind: "error",
      error: { code: "EF_RUNTIME_FAILED", message: "no", details: {}, stack: undefined },
    });
    worker.reply({ kind: "reply", value: 2 });
    const results = await Promise.allSettled(answers);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toHaveProperty("reason.code", "EF_RUNTIME_FAILED");
  });

  it.each([
    ["an error in it", () => Object.assign(new Event("error"), { message: "broken" }), /broken/],
    ["a file that does not load", () => new Event("error"), /does not load/],
    ["a message that cannot be read", () => new Event("messageerror"), /could not be read/],
  ])("rejects what waits, and later calls, after %s", async (_, event, message) => {
    const { worker, thread, crashes } = start();
    const waiting = thread.call("a");
    worker.dispatchEvent(event());
    worker.dispatchEvent(event());
    await expect(waiting).rejects.toThrow(message);
    await expect(thread.call("later")).rejects.toBeInstanceOf(WorkerCrashedError);
    expect(crashes).toHaveLength(1);
    expect(worker.terminations).toBeGreaterThan(0);
    expect(worker.sent).toEqual(["setup", "a"]);
  });

  it("stops the worker at once when it is ended, without a crash report", async () => {
    const { worker, thread, crashes } = start();
    const waiting = thread.call("a");
    await thread.end();
    await expect(waiting).rejects.toBeInstanceOf(SessionClosedError);
    expect(worker.terminations).toBe(1);
    expect(crashes).toEqual([]);
  });
});
