import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run, temporaryFolder } from "./program.ts";

interface Row {
  readonly strategy: string;
  readonly mode: string | null;
  readonly selector: string | null;
  readonly ratio: number | null;
  readonly seed: number;
  readonly steps: number;
  readonly cumulativeAccuracy: number;
  readonly changedPerUpdate: number;
}

describe("everfresh bench paper", () => {
  it("runs rows of the papers' experiment, prints them as JSON, and does no row twice", async () => {
    using folder = temporaryFolder();
    const out = path.join(folder.path, "results");
    const args = [
      ...["bench", "paper", "--experiment", "mnist", "--scale", "0.02", "--epochs", "2"],
      ...["--rows", "proactive-64,proactive-8,weights-top-k-0.01", "--seeds", "5", "--out", out],
    ];
    const first = await run([...args, "--json"]);
    expect(first.status, first.stderr).toBe(0);
    const document = JSON.parse(first.stdout) as {
      readonly experiment: string;
      readonly model: string;
      readonly rows: readonly Row[];
    };
    expect(document).toMatchObject({ experiment: "mnist", model: "lenet5" });
    expect(document.rows).toMatchObject([
      { strategy: "frozen", mode: null, selector: null, ratio: null, seed: 5, steps: 0 },
      { strategy: "proactive", mode: null, triggerSize: 64, seed: 5, steps: 16 },
      { strategy: "proactive", mode: null, triggerSize: 8, seed: 5, steps: 125 },
      { strategy: "proactive", mode: "weights", selector: "topK", ratio: 0.01, steps: 125 },
    ]);
    const [frozen, , dense, copy] = document.rows;
    expect(dense?.cumulativeAccuracy).toBeGreaterThan(frozen?.cumulativeAccuracy ?? 1);
    expect(copy?.changedPerUpdate).toBe(618);
    expect(readdirSync(out).sort()).toEqual([
      ...["accuracy-against-cost.svg", "accuracy-over-samples.svg", "results.json"],
      ...["seed-5", "settings.json", "tables.md"],
    ]);

    // All rows are there: the same figures, seconds included, and the tables this time.
    const second = await run(args);
    expect(second.status, second.stderr).toBe(0);
    expect(second.stdout).toBe(readFileSync(path.join(out, "tables.md"), "utf8"));
    expect(JSON.parse(readFileSync(path.join(out, "results.json"), "utf8"))).toEqual(document);
    expect(second.stdout).toMatch(/lenet5, steps\s+\|\s+–/);
  });

  it.each([
    [["--experiment", "mnist", "--rows", "proactive-9"], /EF_USAGE.*"proactive-9"/],
    [["--experiment", "imagenet", "--scale", "1"], /EF_USAGE.*imagenet.*mnist, cifar/],
    [["--experiment", "mnist", "--scale", "2", "--seeds", "1,x"], /EF_USAGE.*--scale.*up to 1/],
  ])("refuses %j with exit status 2 and a line that says why", async (args, message) => {
    using folder = temporaryFolder();
    const { status, stderr } = await run(["bench", "paper", ...args], folder.path);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
