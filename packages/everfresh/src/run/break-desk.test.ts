import { describe, expect, it } from "vitest";
import { RollbackRefusedError } from "../errors.ts";
import { BreakDesk } from "./break-desk.ts";

const refuse = (reason: string): RollbackRefusedError => new RollbackRefusedError(reason);
const give = (number: number) => (): Promise<number> =>
  number > 9 ? Promise.reject(new Error(`no version ${number}`)) : Promise.resolve(number);

describe("the desk for what needs a break in training", () => {
  it("interrupts training, and answers once somebody has served", async () => {
    const desk = new BreakDesk();
    const signal = desk.interrupted(new AbortController().signal);
    expect([signal.aborted, desk.isAsked]).toEqual([false, false]);
    const first = desk.ask(give(3), refuse);
    const second = desk.ask(give(10), refuse);
    second.catch(() => undefined);
    expect([signal.aborted, desk.isAsked]).toEqual([true, true]);
    await desk.serve();
    expect(await first).toBe(3);
    await expect(second).rejects.toThrow("no version 10");
    expect(desk.interrupted(new AbortController().signal).aborted).toBe(false);
  });

  it("interrupts at once when somebody came between", () => {
    const desk = new BreakDesk();
    desk.ask(give(1), refuse).catch(() => undefined);
    expect(desk.interrupted(new AbortController().signal).aborted).toBe(true);
  });

  it("serves one after the other, at once, when training is over", async () => {
    const desk = new BreakDesk();
    let busy = 0;
    const alone = (number: number) => async (): Promise<number> => {
      expect(++busy).toBe(1);
      await new Promise(setImmediate);
      busy--;
      return give(number)();
    };
    const early = desk.ask(alone(1), refuse);
    await desk.serveAlways();
    const later = await Promise.allSettled([
      desk.ask(alone(2), refuse),
      desk.ask(alone(10), refuse),
      desk.ask(alone(3), refuse),
    ]);
    expect(await early).toBe(1);
    expect(later.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("turns away when too many wait, and everybody when the run ends", async () => {
    const desk = new BreakDesk();
    const waiting = Array.from({ length: 64 }, (_, i) => desk.ask(give(i % 8), refuse));
    await expect(desk.ask(give(9), refuse)).rejects.toMatchObject({ code: "EF_ROLLBACK_REFUSED" });
    const ended = Promise.allSettled(waiting);
    desk.close();
    for (const { status } of await ended) expect(status).toBe("rejected");
    await expect(desk.ask(give(1), refuse)).rejects.toThrow(/ends/);
  });
});
