import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { classes, type Sample } from "@everfresh/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { isErased } from "../erasure/erased-sample.ts";
import { memoryHistory } from "../history/memory-history.ts";
import type { History } from "../history/history.ts";
import { readIndexed } from "../sources/indexed-samples.ts";
import type { Source } from "../sources/source.ts";
import type { ReplayedSamples } from "./replayed-samples.ts";
import { openReplayedSamples } from "./sqlite-replayed-samples.ts";
import { withReplays } from "./with-replays.ts";

const directory = mkdtempSync(path.join(tmpdir(), "everfresh-replays-"));
let files = 0;
const newFile = (): string => path.join(directory, `${files++}.sqlite`);
afterAll(() => rmSync(directory, { recursive: true }));

const SIZE = 20;
const sampleOf = (id: string): Sample => ({
  ...{ id, eventTimeMs: 5, features: Float32Array.of(id.length, Number.NaN), label: 1 },
});
const own: Source = {
  name: "rows",
  size: SIZE,
  schema: {
    features: { dtype: "float32", shape: [2] },
    target: classes(2),
  },
  read: (options) => readIndexed(SIZE, (position) => sampleOf(`row-${position}`), options),
  check: (bytes, { id, isKnown }) => {
    const text = new TextDecoder().decode(bytes);
    if (text === "") {
      return { sample: null, fault: { kind: "syntax", column: null, reason: "nothing" } };
    }
    if (isKnown?.(text) !== true) return { sample: sampleOf(text), fault: null };
    return { sample: null, fault: { kind: "duplicateId", column: null, reason: id } };
  },
};

const rowOf = (number: number, text: string): Parameters<NonNullable<Source["replay"]>>[0] => [
  {
    ...{ source: "rows", place: `line ${number}`, number, atMs: 1 },
    bytes: new TextEncoder().encode(text),
    fault: { kind: "wrongType", column: null, reason: "" },
  },
];

function streamOf(replayed: ReplayedSamples, history: History): Source {
  return withReplays(own, {
    replayed,
    taken: () => history.count(),
    isKnown: (id) => history.positionOf(id) !== null,
    nowMs: () => 0,
  });
}

async function idsFrom(source: Source, from: number, count = Infinity): Promise<string[]> {
  const ids: string[] = [];
  if (count === 0) return ids;
  for await (const { id } of source.read({ from })) if (ids.push(id) >= count) break;
  return ids;
}

describe("a source whose fixed rows are replayed", () => {
  it("gives each sample once, at the same position in every reading, over restarts", async () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant("replay" as const), count: fc.nat(3) }),
      fc.record({ kind: fc.constant("read" as const), count: fc.nat(6) }),
      fc.record({ kind: fc.constant("look" as const), count: fc.nat(6) }),
      fc.record({ kind: fc.constant("restart" as const), count: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 20 }), async (acts) => {
        const file = newFile();
        const history = memoryHistory();
        let replayed = openReplayedSamples({ file });
        const expected = Array.from({ length: SIZE }, (_, i) => `row-${i}`);
        const ids = new Set(expected);
        for (const { kind, count } of acts) {
          const stream = streamOf(replayed, history);
          if (kind === "restart") {
            replayed[Symbol.dispose]();
            replayed = openReplayedSamples({ file });
          } else if (kind === "replay") {
            for (let i = 0; i < count; i++) {
              const id = `fixed-${ids.size}`;
              ids.add(id);
              expect(await stream.replay?.(rowOf(ids.size, id))).toEqual([null]);
            }
          } else if (kind === "look") {
            // Somebody reads ahead, and nothing comes of it.
            await idsFrom(stream, history.count(), count);
          } else if (count > 0) {
            let left = count;
            for await (const sample of stream.read({ from: history.count() })) {
              await history.append([sample]);
              await stream.release?.(history.count());
              if (--left === 0) break;
            }
          }
        }
        const stream = streamOf(replayed, history);
        const before = await history.range(0, history.count());
        const rest = await idsFrom(stream, history.count());
        const all = [...before.map(({ id }) => id), ...rest];
        expect(new Set(all)).toEqual(ids);
        expect(all).toHaveLength(ids.size);
        expect(all.filter((id) => id.startsWith("row-"))).toEqual(expected);
        expect(await idsFrom(stream, history.count())).toEqual(rest);
        replayed[Symbol.dispose]();
      }),
      { numRuns: 40 },
    );
  });

  it("says what is still wrong, and knows the ids of history and other rows", async () => {
    using replayed = openReplayedSamples({ file: newFile() });
    const history = memoryHistory();
    const stream = streamOf(replayed, history);
    expect(await stream.replay?.([...rowOf(1, ""), ...rowOf(2, "a"), ...rowOf(3, "a")])).toEqual([
      ...[{ kind: "syntax", column: null, reason: "nothing" }, null],
      { kind: "duplicateId", column: null, reason: "rows-quarantine-3" },
    ]);
    // The same row again, as after a crash; and another one of the same id.
    expect(await stream.replay?.(rowOf(2, "a"))).toEqual([null]);
    expect(await stream.replay?.(rowOf(4, "a"))).toMatchObject([{ kind: "duplicateId" }]);
    await history.append([sampleOf("b")]);
    expect(await stream.replay?.(rowOf(5, "b"))).toMatchObject([{ kind: "duplicateId" }]);
    expect(await idsFrom(stream, 1, 2)).toEqual(["a", "row-1"]);
  });

  it("has an empty sample where one was erased, and features that are not numbers", async () => {
    using replayed = openReplayedSamples({ file: newFile() });
    const stream = streamOf(replayed, memoryHistory());
    for (const [number, id] of ["first", "second", "third"].entries()) {
      await stream.replay?.(rowOf(number, id));
    }
    const two: Sample[] = [];
    for await (const sample of stream.read()) if (two.push(sample) === 2) break;
    expect(two[0]).toEqual(sampleOf("first"));
    expect(await stream.erase?.("second")).toBe(true);
    expect(await stream.erase?.("third")).toBe(true);
    expect(await stream.erase?.("third")).toBe(false);
    const again: Sample[] = [];
    for await (const sample of stream.read()) if (again.push(sample) === 3) break;
    expect(again.map(isErased)).toEqual([false, true, false]);
    expect(again[1]?.features).toEqual(new Float32Array(2));
    expect(again[2]?.id).toBe("row-0");
  });
});
