import type { Sample } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isErased } from "../erasure/erased-sample.ts";
import { DuplicateSampleError } from "../errors.ts";
import type { History } from "./history.ts";

/** A sample whose features and label follow from its number. */
export function madeSample(number: number, length = 16): Sample {
  return {
    id: `sample-${number}`,
    eventTimeMs: 1_700_000_000_000 + number + 0.25,
    features: Uint8Array.from({ length }, (_, i) => (number * 7 + i) & 255),
    label: number % 10,
  };
}

/** Several samples of {@link madeSample}, numbers `from` to `to` − 1. */
export function madeSamples(from: number, to: number): readonly Sample[] {
  return Array.from({ length: to - from }, (_, i) => madeSample(from + i));
}

/** What every history must do; `open` gives a new, empty one. */
export function historyConformance(name: string, open: () => Promise<History> | History): void {
  describe(`${name} is a history`, () => {
    it("is empty at first", async () => {
      await using history = await open();
      expect(history.count()).toBe(0);
      expect(await history.read([])).toEqual([]);
      expect(await history.range(0, 0)).toEqual([]);
      expect(await history.append([])).toBe(0);
    });

    it("gives back what was appended, whatever the batches and positions", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 8 }),
          fc.array(fc.nat(), { maxLength: 20 }),
          async (batches, draws) => {
            await using history = await open();
            let count = 0;
            for (const size of batches) {
              expect(await history.append(madeSamples(count, count + size))).toBe(count + size);
              count += size;
              expect(history.count()).toBe(count);
            }
            const positions = count === 0 ? [] : draws.map((draw) => draw % count);
            expect(await history.read(positions)).toEqual(positions.map((p) => madeSample(p)));
            const from = Math.floor(count / 3);
            expect(await history.range(from, count)).toEqual(madeSamples(from, count));
            expect(await history.facts(from, count)).toEqual(
              madeSamples(from, count).map(({ eventTimeMs, label }) => ({ eventTimeMs, label })),
            );
          },
        ),
        { numRuns: 30 },
      );
    });

    it("keeps order and repetitions of the positions", async () => {
      await using history = await open();
      await history.append(madeSamples(0, 10));
      const labels = (await history.read([7, 1, 7, 0])).map(({ label }) => label);
      expect(labels).toEqual([7, 1, 7, 0]);
    });

    it("keeps every bit of float32 features", async () => {
      await using history = await open();
      const bits = Uint32Array.of(0x80000000, 0x7fc12345, 0x00000001, 0xff800000, 0x3f800000);
      const features = new Float32Array(bits.buffer);
      await history.append([{ id: "floats", eventTimeMs: 0, features, label: 3 }]);
      const [sample] = await history.read([0]);
      expect(sample?.features).toBeInstanceOf(Float32Array);
      const stored = sample?.features as Float32Array;
      expect(new Uint32Array(stored.buffer, stored.byteOffset, stored.length)).toEqual(bits);
    });

    it("keeps its own copy of the features, also of a part of a larger array", async () => {
      await using history = await open();
      for (const large of [Uint8Array.of(9, 1, 2, 3, 9), Buffer.of(9, 1, 2, 3, 9)]) {
        const position = history.count();
        const features = large.subarray(1, 4);
        await history.append([{ id: `part-${position}`, eventTimeMs: 0, features, label: 0 }]);
        large.fill(255);
        const [sample] = await history.read([position]);
        expect(sample?.features).toEqual(Uint8Array.of(1, 2, 3));
      }
    });

    it("stores nothing of a batch with an id that is there already, and names it", async () => {
      await using history = await open();
      await history.append(madeSamples(0, 5));
      const batch = [madeSample(5), madeSample(2), madeSample(6)];
      await expect(history.append(batch)).rejects.toThrow(DuplicateSampleError);
      await expect(history.append(batch)).rejects.toThrow(/"sample-2"/);
      expect(history.count()).toBe(5);
      expect(await history.append(madeSamples(5, 7))).toBe(7);
      expect(await history.range(0, 7)).toEqual(madeSamples(0, 7));
    });

    it("stores nothing of a batch that has an id twice", async () => {
      await using history = await open();
      await expect(history.append([madeSample(1), madeSample(1)])).rejects.toMatchObject({
        code: "EF_HISTORY_DUPLICATE",
        details: { id: "sample-1" },
      });
      expect(history.count()).toBe(0);
    });

    it("appends in the order of the calls", async () => {
      await using history = await open();
      const counts = await Promise.all([
        history.append(madeSamples(0, 3)),
        history.append(madeSamples(3, 4)),
        history.append(madeSamples(4, 9)),
      ]);
      expect(counts).toEqual([3, 4, 9]);
      expect(await history.range(0, 9)).toEqual(madeSamples(0, 9));
    });

    it("erases samples by their id: positions stay, nothing of them is read again", async () => {
      await using history = await open();
      await history.append(madeSamples(0, 6));
      expect(history.erased()).toEqual([]);
      expect([history.positionOf("sample-4"), history.positionOf("sample-9")]).toEqual([4, null]);
      expect(await history.erase("sample-4")).toBe(4);
      expect(history.positionOf("sample-4")).toBeNull();
      expect(await history.erase("sample-1")).toBe(1);
      expect([await history.erase("sample-4"), await history.erase("sample-9")]).toEqual([
        ...[null, null],
      ]);
      expect(history.erased()).toEqual([1, 4]);
      expect(history.count()).toBe(6);
      const { eventTimeMs } = madeSample(4);
      const [blank, right] = await history.read([4, 5]);
      expect(blank === undefined ? false : isErased(blank)).toBe(true);
      expect(blank).toMatchObject({ eventTimeMs, features: new Uint8Array(16), label: 0 });
      expect(right).toEqual(madeSample(5));
      expect((await history.facts(4, 5))[0]).toEqual({ eventTimeMs, label: 0 });
      expect((await history.range(0, 6)).map(isErased)).toEqual([
        ...[false, true, false, false, true, false],
      ]);
      // One that was erased before it came here; and one that comes again under its id.
      await history.append([{ ...madeSample(6), id: blank?.id ?? "" }, madeSample(4)]);
      expect(history.erased()).toEqual([1, 4, 6]);
      expect((await history.read([7]))[0]).toEqual(madeSample(4));
      expect(await history.erase("sample-4")).toBe(7);
    });

    it("refuses positions and ranges that it does not have", async () => {
      await using history = await open();
      await history.append(madeSamples(0, 4));
      for (const position of [-1, 4, 1.5, NaN]) {
        await expect(history.read([0, position])).rejects.toThrow(RangeError);
      }
      for (const [from, to] of [
        [-1, 2],
        [3, 2],
        [0, 5],
        [0.5, 2],
      ] as const) {
        await expect(history.range(from, to)).rejects.toThrow(RangeError);
        await expect(history.facts(from, to)).rejects.toThrow(RangeError);
      }
    });
  });
}
