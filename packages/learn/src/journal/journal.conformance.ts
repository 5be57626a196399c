import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Journal, JournalEntry } from "./journal.ts";

/** An entry whose content follows from its step. */
export function madeEntry(step: number): JournalEntry {
  const random = { seed: 2 ** 53 - 1, stream: step, drawn: 100 * step };
  const taken = { past: 8 * step, skipped: step % 3, fresh: 8, why: `${step} samples wait` };
  return {
    step,
    version: step - 1,
    iteration:
      step % 4 === 0
        ? {
            ...{ kind: "retraining", ...taken, samples: [{ from: 0, to: 8 * step }] },
            ...{ start: "cold", epochs: 3, batchSize: 16, order: random },
          }
        : { kind: "step", ...taken, positions: [8 * step, 3, 2 ** 31 + step] },
    nowMs: 1_700_000_000_000.5 + step,
    tested: 8 * step + 8,
    testedBefore: 8 * step,
    strategy: {
      spec: { kind: "proactive", triggerSize: 8, batchSize: 128 },
      checkpoint: {
        kind: "proactive",
        samples: 8 * step + 8,
        past: 8 * step,
        iterations: step,
        isRunning: true,
        random,
        sampler: step % 2 === 0 ? null : Uint8Array.of(step, 0, 255),
        trigger: { kind: "trigger", numbers: [-Infinity, Number.NaN, -0, 1e-300], of: [] },
        budget: { nowMs: null, parts: [{ kind: "everyMs", numbers: [step, Infinity] }] },
        intake: null,
      },
    },
  };
}

/** What every journal must do; `open` gives a new, empty one. */
export function journalConformance(name: string, open: () => Journal): void {
  describe(`${name} is a journal`, () => {
    it("is empty at first", async () => {
      expect(await open().after(0)).toEqual([]);
    });

    it("gives back what was entered, to the last bit, those after a step", async () => {
      const journal = open();
      const entries = [1, 2, 3, 4, 7].map(madeEntry);
      for (const entry of entries) await journal.append(entry);
      expect(await journal.after(0)).toStrictEqual(entries);
      expect(await journal.after(3)).toStrictEqual(entries.slice(3));
      expect(await journal.after(7)).toEqual([]);
    });

    it("keeps its own copy", async () => {
      const journal = open();
      const entry = madeEntry(1);
      await journal.append(entry);
      entry.strategy.checkpoint.sampler?.fill(0);
      const [first] = await journal.after(0);
      expect(first).toStrictEqual(madeEntry(1));
      first?.strategy.checkpoint.sampler?.fill(0);
      expect(await journal.after(0)).toStrictEqual([madeEntry(1)]);
    });

    it("holds what was entered and not forgotten, whatever the order of calls", async () => {
      const call = fc.oneof(
        { weight: 3, arbitrary: fc.constant({ kind: "append" as const, step: 0 }) },
        fc.record({ kind: fc.constantFrom("forgetTo", "forgetAfter"), step: fc.nat(12) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(call, { maxLength: 25 }), fc.nat(12), async (calls, from) => {
          const journal = open();
          let expected: readonly number[] = [];
          let last = 0;
          for (const { kind, step } of calls) {
            if (kind === "append") {
              await journal.append(madeEntry(++last));
              expected = [...expected, last];
            } else if (kind === "forgetTo") {
              await journal.forgetTo(step);
              expected = expected.filter((each) => each > step);
            } else {
              await journal.forgetAfter(step);
              expected = expected.filter((each) => each <= step);
            }
          }
          const wanted = expected.filter((step) => step > from).map(madeEntry);
          expect(await journal.after(from)).toStrictEqual(wanted);
        }),
        { numRuns: 40 },
      );
    });
  });
}
