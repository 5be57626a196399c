import { describe, expect, it } from "vitest";
import type { RollbackReport } from "../log/roll-back.ts";
import { type AskedRollback, RollbackDesk } from "./rollback-desk.ts";

const asked = (version: number): AskedRollback => ({ version, excludeSince: false, saved: null });
const make = ({ version }: AskedRollback): Promise<RollbackReport> =>
  version > 9
    ? Promise.reject(new Error(`no version ${version}`))
    : Promise.resolve({ rolledBackTo: version } as RollbackReport);

describe("the rollback desk", () => {
  it("interrupts training, and answers once somebody has served", async () => {
    const desk = new RollbackDesk();
    const signal = desk.interrupted(new AbortController().signal);
    expect([signal.aborted, desk.isAsked]).toEqual([false, false]);
    const first = desk.ask(asked(3));
    const second = desk.ask(asked(10));
    second.catch(() => undefined);
    expect([signal.aborted, desk.isAsked]).toEqual([true, true]);
    expect(await desk.serve(make)).toBe(true);
    expect(await first).toEqual({ rolledBackTo: 3 });
    await expect(second).rejects.toThrow("no version 10");
    expect(desk.interrupted(new AbortController().signal).aborted).toBe(false);
  });

  it("interrupts at once when somebody came between", () => {
    const desk = new RollbackDesk();
    desk.ask(asked(1)).catch(() => undefined);
    expect(desk.interrupted(new AbortController().signal).aborted).toBe(true);
  });

  it("serves one after the other, at once, when training is over", async () => {
    const desk = new RollbackDesk();
    const early = desk.ask(asked(1));
    let busy = 0;
    await desk.serveAlways(async (request) => {
      expect(++busy).toBe(1);
      await new Promise(setImmediate);
      busy--;
      return make(request);
    });
    const later = await Promise.allSettled([
      desk.ask(asked(2)),
      desk.ask(asked(10)),
      desk.ask(asked(3)),
    ]);
    expect((await early).rolledBackTo).toBe(1);
    expect(later.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("turns away when too many wait, and everybody when the run ends", async () => {
    const desk = new RollbackDesk();
    const waiting = Array.from({ length: 8 }, (_, i) => desk.ask(asked(i)));
    await expect(desk.ask(asked(9))).rejects.toMatchObject({ code: "EF_ROLLBACK_REFUSED" });
    const ended = Promise.allSettled(waiting);
    desk.close();
    for (const { status } of await ended) expect(status).toBe("rejected");
    await expect(desk.ask(asked(1))).rejects.toThrow(/ends/);
  });
});
