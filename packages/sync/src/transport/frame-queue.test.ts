import { describe, expect, it } from "vitest";

import { FrameQueue } from "./frame-queue.ts";
import { allFrames } from "./transport.conformance.ts";

describe("FrameQueue", () => {
  it("gives frames in order to a reader that came before or after them, then ends", async () => {
    const queue = new FrameQueue(100);
    queue.push(Uint8Array.of(1));
    const reading = allFrames(queue);
    queue.push(Uint8Array.of(2));
    await Promise.resolve();
    queue.push(Uint8Array.of(3));
    queue.end();
    queue.push(Uint8Array.of(4));
    expect(await reading).toEqual([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
  });

  it("gives its error after the frames that wait", async () => {
    const queue = new FrameQueue(100);
    queue.push(Uint8Array.of(1));
    queue.end(new Error("line cut"));
    const reader = queue[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(Uint8Array.of(1));
    await expect(reader.next()).rejects.toThrow("line cut");
  });

  it("has room for its bytes beside the largest frame, wherever that one is", () => {
    for (const position of [0, 1, 2]) {
      const queue = new FrameQueue(100);
      const sizes = [40, 40, 20];
      sizes.splice(position, 0, 5_000);
      for (const size of sizes) expect(queue.push(new Uint8Array(size))).toBe(true);
      expect(queue.push(new Uint8Array(1))).toBe(false);
      expect(queue.bufferedBytes).toBe(5_100);
    }
  });

  it("ends at once when it is cleared", async () => {
    const queue = new FrameQueue(100);
    queue.push(Uint8Array.of(1));
    queue.clear();
    expect(await allFrames(queue)).toEqual([]);
  });

  it("is drained once everything was read, or dropped", async () => {
    const queue = new FrameQueue(100);
    await queue.drained();
    queue.push(Uint8Array.of(1));
    queue.push(Uint8Array.of(2));
    let isDrained = false;
    const drained = queue.drained().then(() => (isDrained = true));
    const reading = queue[Symbol.asyncIterator]();
    await reading.next();
    expect(isDrained).toBe(false);
    await reading.next();
    await drained;
    queue.push(Uint8Array.of(3));
    const dropped = queue.drained();
    queue.clear();
    await dropped;
  });
});
