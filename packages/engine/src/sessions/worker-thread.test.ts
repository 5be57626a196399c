import { describe, expect, it } from "vitest";
import { SessionClosedError, WorkerCrashedError } from "../errors.ts";
import { createBarrier } from "./barrier.ts";
import { END_REQUEST } from "./thread.ts";
import { WorkerThread } from "./worker-thread.ts";

const source = (code: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort, workerData } from "node:worker_threads";${code}`)}`,
  );

const echo = source(`
  parentPort.on("message", (value) => {
    if (value === ${JSON.stringify(END_REQUEST)}) return parentPort.close();
    if (value === "exit") process.exit(3);
    if (value === "throw") throw new Error("broken");
    parentPort.postMessage({ kind: "reply", value });
  });
  parentPort.postMessage({ kind: "reply", value: "ready" });`);

// Waits for ever, as a worker does at a barrier that nobody else reaches.
const stuck = source(`
  parentPort.on("message", () => Atomics.wait(workerData, 1, 0));
  parentPort.postMessage({ kind: "reply", value: "ready" });`);

describe("WorkerThread", () => {
  it("answers calls in their order", async () => {
    const thread = new WorkerThread<number, unknown>(echo, null, () => undefined);
    expect(await thread.ready()).toBe("ready");
    expect(await Promise.all([1, 2, 3].map((n) => thread.call(n)))).toEqual([1, 2, 3]);
    await thread.end();
  });

  it.each(["exit", "throw"])(
    "rejects what waits, and later calls, after a crash (%s)",
    async (how) => {
      const crashes: Error[] = [];
      const thread = new WorkerThread<string, unknown>(echo, null, (error) => crashes.push(error));
      await thread.ready();
      const results = await Promise.allSettled([thread.call(how), thread.call("after")]);
      for (const result of results) {
        expect(result).toHaveProperty("reason.code", "EF_WORKER_CRASHED");
      }
      await expect(thread.call("later")).rejects.toBeInstanceOf(WorkerCrashedError);
      expect(crashes).toHaveLength(1);
      await thread.end();
    },
  );

  it("stops a thread that does not end when it is asked, as one that waits for ever", async () => {
    const barrier = createBarrier();
    const waiting = new WorkerThread<string, unknown>(stuck, barrier, () => undefined, 20);
    const crashing = new WorkerThread<string, unknown>(
      echo,
      null,
      (error) => void waiting.end(error),
    );
    await Promise.all([waiting.ready(), crashing.ready()]);
    const results = await Promise.allSettled([waiting.call("wait"), crashing.call("exit")]);
    for (const result of results) {
      expect(result).toHaveProperty("reason.code", "EF_WORKER_CRASHED");
    }
    await waiting.end();
    await crashing.end();
  });

  it("ends without a crash report, once", async () => {
    const crashes: Error[] = [];
    const thread = new WorkerThread<string, unknown>(echo, null, (error) => crashes.push(error));
    await thread.ready();
    await Promise.all([thread.end(), thread.end()]);
    await expect(thread.call("later")).rejects.toBeInstanceOf(SessionClosedError);
    expect(crashes).toEqual([]);
  });
});
