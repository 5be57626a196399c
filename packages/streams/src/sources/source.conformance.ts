import { readdirSync, readlinkSync } from "node:fs";
import type { Sample } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import type { Source } from "./source.ts";

/** Samples that a check reads of an endless or large source. */
const SAMPLES_READ = 150;

/**
 * What every source must do. `open` gives a fresh source over the same data each time; `directory`
 * is where its files are, if it has any.
 */
export function sourceConformance(
  name: string,
  open: () => Promise<Source> | Source,
  { directory }: { readonly directory?: () => string } = {},
): void {
  describe(`${name} is a source`, () => {
    it("gives samples as its schema says", async () => {
      const source = await open();
      const { features, target } = source.schema;
      const length = features.shape.reduce((product, size) => product * size, 1);
      for (const sample of await take(source, SAMPLES_READ)) {
        expect(sample.features).toBeInstanceOf(
          features.dtype === "uint8" ? Uint8Array : Float32Array,
        );
        expect(sample.features.length).toBe(length);
        expect(Number.isSafeInteger(sample.label)).toBe(true);
        expect(sample.label).toBeGreaterThanOrEqual(0);
        expect(sample.label).toBeLessThan(target.count);
        expect(Number.isFinite(sample.eventTimeMs)).toBe(true);
      }
    });

    it("names as many classes as it has", async () => {
      const { target } = (await open()).schema;
      expect(target.labels).toHaveLength(target.count);
    });

    it("gives every sample its own id, in order of time", async () => {
      const samples = await take(await open(), SAMPLES_READ);
      expect(new Set(samples.map(({ id }) => id)).size).toBe(samples.length);
      const times = samples.map(({ eventTimeMs }) => eventTimeMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    it("ends after as many samples as it says", async () => {
      const source = await open();
      if (source.size === null) return;
      const from = Math.max(0, source.size - 3);
      expect(await take(source, Infinity, from)).toHaveLength(source.size - from);
      expect(await take(source, Infinity, source.size)).toEqual([]);
      expect(await take(source, Infinity, source.size + 1)).toEqual([]);
    });

    it("replays the same tail from any position, also when opened again", async () => {
      const all = await take(await open(), SAMPLES_READ);
      const again = await open();
      for (const from of [0, 1, 63, 64, 100, all.length]) {
        if (from > all.length) continue;
        expect(await take(again, all.length - from, from)).toEqual(all.slice(from));
      }
    });

    it("lets readings run side by side", async () => {
      const source = await open();
      const [one, other] = await Promise.all([take(source, 40), take(source, 40, 5)]);
      expect(other.slice(0, 35)).toEqual(one.slice(5));
    });

    it("refuses a position that is not a whole number of 0 or more", async () => {
      const source = await open();
      for (const from of [-1, 0.5, NaN, Infinity]) {
        expect(() => source.read({ from })).toThrow(RangeError);
      }
    });

    it("stops with the reason of a cancellation, before and within a reading", async () => {
      const source = await open();
      const reason = new Error("enough");
      await expect(take(source, 1, 0, AbortSignal.abort(reason))).rejects.toBe(reason);
      const controller = new AbortController();
      const reading = source.read({ signal: controller.signal })[Symbol.asyncIterator]();
      await reading.next();
      controller.abort(reason);
      await expect(reading.next()).rejects.toBe(reason);
      expect(await reading.next()).toMatchObject({ done: true });
    });

    it("lets a cancellation through while it is read without a pause", async () => {
      const source = await open();
      const controller = new AbortController();
      setImmediate(() => controller.abort(new Error("enough")));
      let samples = 0;
      const reading = async (): Promise<void> => {
        for await (const sample of source.read({ signal: controller.signal })) {
          samples += sample.label < source.schema.target.count ? 1 : 0;
        }
      };
      if (source.size === null || source.size > 1000) {
        await expect(reading()).rejects.toThrow("enough");
        expect(samples).toBeLessThan(1000);
      }
    });

    it("leaves no file open, whether read to its end, left or cancelled", async () => {
      const source = await open();
      await take(source, 2);
      const controller = new AbortController();
      const reading = source.read({ signal: controller.signal })[Symbol.asyncIterator]();
      await reading.next();
      controller.abort();
      await expect(reading.next()).rejects.toThrow();
      expect(directory === undefined ? [] : openFilesIn(directory())).toEqual([]);
    });
  });
}

async function take(
  source: Source,
  count: number,
  from = 0,
  signal?: AbortSignal,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  if (count === 0) return samples;
  for await (const sample of source.read({ from, ...(signal && { signal }) })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}

/** Files under a directory that this process has open; Linux tells, other systems do not. */
function openFilesIn(directory: string): readonly string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      return []; // The descriptor of the listing itself is gone by now.
    }
  });
}
