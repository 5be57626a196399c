import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Prequential } from "./prequential.ts";

const streams = fc.array(fc.array(fc.boolean(), { maxLength: 12 }), { maxLength: 30 });

describe("Prequential", () => {
  it("counts all samples and, in the window, the newest ones", () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 40 }), (chunks, windowSamples) => {
        const prequential = new Prequential(undefined, windowSamples);
        for (const chunk of chunks) prequential.record(chunk);
        const all = chunks.flat();
        const window = all.slice(-windowSamples);
        const correct = all.filter(Boolean).length;
        expect(prequential.score()).toEqual({
          correct,
          total: all.length,
          accuracy: correct / (all.length || 1),
          windowAccuracy: window.filter(Boolean).length / (window.length || 1),
        });
      }),
    );
  });

  it("goes on from a checkpoint, sent as JSON, as if it had not stopped", () => {
    fc.assert(
      fc.property(streams, streams, fc.integer({ min: 1, max: 40 }), (before, after, window) => {
        const uninterrupted = new Prequential(undefined, window);
        for (const chunk of before) uninterrupted.record(chunk);
        const json = JSON.stringify(uninterrupted.checkpoint());
        const resumed = new Prequential(
          JSON.parse(json) as ReturnType<Prequential["checkpoint"]>,
          window,
        );
        expect(resumed.checkpoint()).toEqual(uninterrupted.checkpoint());
        for (const chunk of after) {
          uninterrupted.record(chunk);
          resumed.record(chunk);
          expect(resumed.score()).toEqual(uninterrupted.score());
        }
        expect(resumed.checkpoint()).toEqual(uninterrupted.checkpoint());
      }),
    );
  });
});
