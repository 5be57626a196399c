import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createGzip } from "node:zlib";
import type { Sample } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { csv } from "./csv.ts";
import { jsonLines } from "./json-lines.ts";
import type { Source } from "./source.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-rows-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe("a long file", () => {
  it("takes far less memory than it is long, packed or not", async () => {
    // 32 MiB that pack well: only what is read of it may be in memory.
    const rows = 6_000;
    const filler = "x".repeat(5_400);
    for (const name of ["long.csv", "long.csv.gz"]) {
      const path = join(directory, name);
      const file = createWriteStream(path);
      const packed = name.endsWith(".gz") ? createGzip({ level: 1 }) : null;
      packed?.pipe(file);
      const out = packed ?? file;
      out.write("n,filler,kind\n");
      for (let i = 0; i < rows; i++) {
        if (!out.write(`${i},${filler},${i % 2}\n`)) await once(out, "drain");
      }
      out.end();
      await once(file, "close");
      const before = liveBytes();
      let most = 0;
      const options = { label: "kind", features: ["n"], classes: ["0", "1"] };
      const source = await csv({ file: path, ...options });
      expect(source.size).toBe(rows);
      let next = 0;
      for await (const { features, label } of source.read()) {
        if (features[0] !== next || label !== next % 2) break;
        next++;
        if (next % 1_500 === 0) most = Math.max(most, liveBytes() - before);
      }
      expect(next).toBe(rows);
      expect(most).toBeLessThan(16 * 2 ** 20);
      expect((await take(source, 3, rows - 3)).map(({ features }) => features[0])).toEqual([
        ...[rows - 3, rows - 2, rows - 1],
      ]);
    }
  });
});

describe("a file that changes after it was opened", () => {
  const line = (n: number, kind = "a"): string => JSON.stringify({ n, kind });

  it("may grow, and is refused where what was read is another", async () => {
    const path = join(directory, "changing.jsonl");
    const rows = Array.from({ length: 40 }, (_, i) => line(i % 10, i % 2 === 0 ? "a" : "b"));
    await writeFile(path, `${rows.join("\n")}\n`);
    const source = await jsonLines({ file: path, label: "kind" });
    await writeFile(path, `${rows.join("\n")}\n${line(7)}\n`);
    expect(await take(source)).toHaveLength(40);
    await writeFile(path, `${rows.slice(0, 39).join("\n")}\n`);
    await expect(take(source)).rejects.toThrow("has changed since it was opened");
    await writeFile(path, rows.join("\n").replaceAll("a", "c").padEnd(5_000));
    await expect(take(source)).rejects.toThrow("has changed since it was opened");
  });
});

/** Bytes that are still in use, without those that nobody has collected yet. */
function liveBytes(): number {
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

async function take(source: Source, count = Infinity, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read({ from })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}
