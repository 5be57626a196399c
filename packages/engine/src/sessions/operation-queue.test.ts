import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SessionBusyError } from "../errors.ts";
import { type OperationMode, OperationQueue } from "./operation-queue.ts";

const never = (): Promise<never> => new Promise<never>(() => undefined);

describe("OperationQueue", () => {
  it("starts at once what nothing is in the way of", () => {
    const queue = new OperationQueue();
    let started = 0;
    const start = (): Promise<never> => (started++, never());
    void queue.run("shared", start);
    void queue.run("shared", start);
    expect(started).toBe(2);
    void queue.run("exclusive", start);
    void queue.run("shared", start);
    expect(started).toBe(2);
  });

  it("starts everything in order, and nothing beside an exclusive operation", async () => {
    const modes = fc.array(fc.constantFrom<OperationMode>("exclusive", "shared"), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), modes, async (scheduler, operations) => {
        const queue = new OperationQueue();
        const running = new Set<number>();
        const started: number[] = [];
        const results = operations.map((mode, i) =>
          queue.run(mode, async () => {
            const alone = running.size === 0;
            const others = [...running].some((other) => operations[other] === "exclusive");
            expect(mode === "exclusive" ? alone : !others).toBe(true);
            running.add(i);
            started.push(i);
            await scheduler.schedule(Promise.resolve());
            running.delete(i);
            if (i % 3 === 0) throw new Error(`${i}`);
            return i;
          }),
        );
        const settled = Promise.allSettled(results);
        await scheduler.waitFor(settled);
        (await settled).forEach((result, i) => {
          expect(result.status).toBe(i % 3 === 0 ? "rejected" : "fulfilled");
        });
        expect(started).toEqual(operations.map((_, i) => i));
      }),
    );
  });

  it("refuses more than its limit", async () => {
    const queue = new OperationQueue();
    for (let i = 0; i < 1_025; i++) void queue.run("exclusive", never);
    await expect(queue.run("shared", never)).rejects.toBeInstanceOf(SessionBusyError);
  });
});
