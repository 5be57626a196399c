import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { arriveAndWait, breakBarrier, createBarrier } from "./barrier.ts";

/** A thread that waits at the barrier and says how that ended. */
function waitInThread(words: Int32Array, parties: number): Promise<string> {
  const barrier = new URL("./barrier.ts", import.meta.url).href;
  const code = `
    import { parentPort, workerData } from "node:worker_threads";
    const { arriveAndWait } = await import(${JSON.stringify(barrier)});
    try {
      arriveAndWait(workerData.words, workerData.parties);
      parentPort.postMessage("passed");
    } catch (error) {
      parentPort.postMessage(error.message);
    }`;
  const entry = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(entry, { workerData: { words, parties } });
  return new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

it("lets everyone pass when the last one has come, again and again", async () => {
  const words = createBarrier();
  for (let round = 0; round < 3; round++) {
    const results = await Promise.all([0, 1, 2].map(() => waitInThread(words, 3)));
    expect(results).toEqual(["passed", "passed", "passed"]);
  }
});

it("lets nobody wait for those who will never come, once it is broken", async () => {
  const words = createBarrier();
  const waiting = [waitInThread(words, 3), waitInThread(words, 3)];
  await expect.poll(() => Atomics.load(words, 0)).toBe(2);
  breakBarrier(words);
  expect(await Promise.all(waiting)).toEqual(Array(2).fill("the other threads are gone"));
  expect(() => arriveAndWait(words, 3)).toThrow("gone");
});
