/** Broken rows of a file: listed, mended and learned without moving any other sample. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { isErased } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import type { ErasureReport } from "../../packages/everfresh/src/samples/erasure-report.ts";
import type { ListedRow } from "../../packages/everfresh/src/samples/quarantined-row.ts";
import { documentOf, runHere } from "./in-process.ts";
import { temporaryFolder } from "./program.ts";
import { idsIn } from "./pushed-rows.ts";

const PROGRAM = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");

/** Rows 0 to 59; every tenth has no number. */
const ROWS = Array.from({ length: 60 }, (_, i) => {
  const load = i % 10 === 4 ? "?" : String((i * 7) % 11);
  return `row-${i},${load},${i % 2 === 0 ? "up" : "down"}`;
});
const GOOD = ROWS.flatMap((row, i) => (row.includes("?") ? [] : [`row-${i}`]));

function writeConfig(folder: string, name: string, source: string): string {
  const file = path.join(folder, `${name}.config.ts`);
  writeFileSync(
    file,
    `import { adam, classes, csv, defineModel, mlp, numeric, pastSamples, proactive, sparse }
       from ${JSON.stringify(PROGRAM)};
     const schema = { columns: [{ name: "key", kind: "id" }, { name: "load", kind: "number" },
       { name: "way", kind: "label", classes: ["up", "down"] }] };
     export default defineModel({ name: "rows", input: numeric(1), target: classes(2),
       model: ({ seed }) => mlp({ inputs: 1, hidden: [4], outputs: 2, seed }),
       source: ${source}, strategy: proactive({ triggerSize: 6, batchSize: 12 }),
       optimizer: adam(), deploy: sparse() });`,
  );
  return file;
}

describe("broken rows of a file", () => {
  it("come behind what was read once they are mended, and no other row moves", async () => {
    using folder = temporaryFolder();
    writeFileSync(path.join(folder.path, "rows.csv"), `key,load,way\n${ROWS.join("\n")}\n`);
    const config = writeConfig(
      folder.path,
      "rows",
      `csv({ file: "rows.csv", schema, quarantine: true })`,
    );
    const state = path.join(folder.path, "state");
    const there = ["--config", config, "--state", state];
    const train = ["run", ...there, "--port", "0"];
    await documentOf([...train, "--steps", "3"]);
    const before = await idsIn(state);
    expect(before).toEqual(GOOD.slice(0, before.length));
    expect(before.length).toBeLessThan(40);

    const { stdout } = await runHere(["quarantine", "export", ...there]);
    const listed = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ListedRow);
    expect(listed.map(({ kind, column, place }) => [kind, column, place])).toEqual(
      [6, 16, 26, 36, 46, 56].map((line) => ["wrongType", "load", `line ${line}`]),
    );
    const fixed = path.join(folder.path, "fixed.jsonl");
    const mended = listed.map(({ number, row }, i) =>
      JSON.stringify({ number, row: { ...row, load: i === 1 ? "much" : "3" } }),
    );
    writeFileSync(fixed, mended.join("\n"));
    const replay = await documentOf(["quarantine", "replay", "--fixed", fixed, ...there]);
    expect(replay).toMatchObject({ replayed: 5, broken: [{ number: 2, kind: "wrongType" }] });
    const dropped = await documentOf(["quarantine", "drop", "2", ...there]);
    expect(dropped).toEqual({ dropped: 1 });
    const left = await runHere(["quarantine", "show", "2", ...there]);
    expect([left.status, left.stderr]).toEqual([3, expect.stringContaining("EF_QUARANTINE_ROW")]);

    await documentOf(train);
    const ids = await idsIn(state);
    const late = ["row-4", "row-24", "row-34", "row-44", "row-54"];
    expect(ids.slice(0, before.length + late.length)).toEqual([...before, ...late]);
    expect(ids.filter((id) => !late.includes(id))).toEqual(GOOD);
    expect(new Set(ids).size).toBe(ids.length);

    // Gone for good, and left out where the stretch is read again.
    const erased = await documentOf<ErasureReport>(["erase", "row-24", "--yes", ...there]);
    expect(erased).toMatchObject({ erased: true, position: before.length + 1, inbox: true });
    expect(erased.learned?.sinceStep).toBe(1);
    const unknown = await runHere(["erase", "row-24", "--yes", ...there]);
    expect([unknown.status, unknown.stderr]).toEqual([
      3,
      expect.stringContaining("SAMPLE_UNKNOWN"),
    ]);
    const again = writeConfig(
      folder.path,
      "past",
      `pastSamples({ state: "state", from: 10, to: 50 })`,
    );
    const fingerprints: string[] = [];
    const others = ["one", "two"].map((name) => path.join(folder.path, name));
    for (const other of others) {
      const how = ["--config", again, "--state", other, "--port", "0", "--seed", "3"];
      fingerprints.push((await documentOf(["run", ...how])).fingerprint);
    }
    expect(fingerprints[0]).toBe(fingerprints[1]);
    const gone = (id: string): boolean => isErased({ id });
    expect(await idsIn(others[0] ?? "")).toEqual(
      (await idsIn(state)).slice(10, 50).filter((id) => !gone(id)),
    );
  }, 120_000);
});
