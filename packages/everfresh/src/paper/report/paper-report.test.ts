import { describe, expect, it } from "vitest";
import { EXPERIMENTS } from "../experiment.ts";
import { rowResult } from "../row-result.fixture.ts";
import type { RowResult } from "../row-result.ts";
import { documentOf, figuresOf, type ReportOptions, reportText } from "./paper-report.ts";

/** The relations that the papers lead to, in round numbers; two seeds differ by 2δ. */
const ROWS: readonly RowResult[] = [1, 2].flatMap((seed) => {
  const spread = seed === 1 ? -0.001 : 0.001;
  const row = (name: string, accuracy: number, given: Partial<RowResult> = {}): RowResult =>
    rowResult({
      name,
      seed,
      cumulativeAccuracy: accuracy + spread,
      finalTestAccuracy: accuracy,
      ...given,
    });
  return [
    row("frozen", 0.97, {
      strategy: "frozen",
      steps: 0,
      lastCheckpointsAccuracy: null,
      windows: [0.96, 0.961],
    }),
    row("online", 0.972, { strategy: "online", steps: 391 }),
    row("proactive-8", 0.984, {
      trainSeconds: 40,
      lastCheckpointsAccuracy: 0.989,
      windows: [0.964, 0.959],
    }),
    row("full-retraining-past", 0.983, {
      strategy: "fullRetraining",
      steps: 10_960,
      trainSeconds: 80,
    }),
    row("weights-top-k-0.001", 0.986, { lastCheckpointsAccuracy: 0.991 }),
    row("weights-top-k-0.0001", 0.981, { lastCheckpointsAccuracy: 0.9855 }),
    row("gradients-top-k-0.001", 0.979, { entriesPerUpdate: 67, changedPerUpdate: 52_000 }),
  ];
});

const OPTIONS: ReportOptions = {
  experiment: EXPERIMENTS.mnist,
  model: "lenet5",
  scale: 1,
  data: "MNIST",
  isInitialised: false,
  result: { rows: ROWS, initial: [{ seed: 1, steps: 790, trainSeconds: 5 }] },
};

/** The cells of the first line that begins with a word. */
function cellsOf(text: string, first: string): readonly string[] {
  const line = text.split("\n").find((each) => each.startsWith(`| ${first}`)) ?? "";
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe("the report", () => {
  it("lays Table 1 out as the paper does, with the steps below the seconds", () => {
    const text = reportText(OPTIONS);
    expect(cellsOf(text, "lenet5, seconds")).toEqual([
      "lenet5, seconds",
      "80.0",
      "40.0",
      "–",
      "–",
      "–",
      "40.0",
      "2.00",
    ]);
    expect(cellsOf(text, "lenet5, steps").slice(1)).toEqual([
      "10,960",
      "391",
      "–",
      "–",
      "–",
      "6,250",
      "1.75",
    ]);
    expect(text).toMatch(/\|\s+FR \|\s+OL \| PR-64 \| PR-32 \| PR-16 \|\s+PR-8 \| FR \/ PR-8 \|/);
  });

  it("says beside the entries of gradients how many weights really change", () => {
    const text = reportText(OPTIONS);
    expect(cellsOf(text, "gradients, Adam: entries")[3]).toBe("67");
    expect(cellsOf(text, "gradients, Adam: weights")[3]).toBe("52,000");
  });

  it("has Table 3 with one line of accuracies for each mode that has rows", () => {
    const text = reportText(OPTIONS);
    expect(cellsOf(text, "weights: last five")).toEqual([
      ...["weights: last five", "–", "–", "0.9850", "0.9850", "0.9890"],
      ...["–", "0.9910", "0.9855", "–", "–", "–"],
    ]);
    expect(text).not.toContain("gradients, SGD");
  });

  it("gives means over seeds, and half their spread", () => {
    const cells = cellsOf(reportText(OPTIONS), "`proactive-8`");
    expect(cells.slice(1, 4)).toEqual(["0.9840", "0.0010", "0.9840"]);
  });

  it("checks what is expected, both where it holds and where it does not", () => {
    const holds = (rows: readonly RowResult[]): Readonly<Record<string, boolean>> =>
      Object.fromEntries(
        documentOf({ ...OPTIONS, result: { rows, initial: [] } }).relations.map(
          ({ expected, holds: is }) => [expected, is],
        ),
      );
    const good = holds(ROWS);
    expect(Object.keys(good)).toHaveLength(7);
    expect(Object.values(good)).toEqual([true, true, true, true, false, true, true]);
    const worse = holds(
      ROWS.map((row) => {
        const { cumulativeAccuracy, name, windows } = row;
        if (name !== "proactive-8") return row;
        return {
          ...row,
          cumulativeAccuracy: (cumulativeAccuracy ?? 0) - 0.02,
          windows: windows.map((window) => window - 0.01),
          steps: 7_000,
        };
      }),
    );
    expect(worse["PR-8 ≥ full retraining, cumulative"]).toBe(false);
    expect(worse["online is the lowest of the trained, cumulative"]).toBe(false);
    expect(Object.entries(worse).find(([key]) => key.includes("times the steps"))?.[1]).toBe(false);
    expect(Object.entries(worse).find(([key]) => key.includes("dip"))?.[1]).toBe(false);
  });

  it("expects the paper's ratio of steps on MNIST only", () => {
    const rows = ROWS.map((row) => (row.name === "proactive-8" ? { ...row, steps: 7_000 } : row));
    const { relations } = documentOf({
      ...{ ...OPTIONS, experiment: EXPERIMENTS.cifar },
      result: { rows, initial: [] },
    });
    const steps = relations.find(({ expected }) => expected.includes("times the steps"));
    expect(steps).toMatchObject({ holds: true, found: "1.57 times; 2.00 times the seconds" });
  });

  it("expects nothing of fewer samples", () => {
    expect(documentOf({ ...OPTIONS, scale: 0.1 }).relations).toEqual([]);
    expect(reportText({ ...OPTIONS, scale: 0.1 })).not.toContain("Expected");
  });

  it("has the dip of remedies, with what they are compared with, where there are some", () => {
    expect(reportText(OPTIONS)).not.toContain("dip at the start:");
    const remedy = [1, 2].map((seed) =>
      rowResult({ name: "warm-start-rewarm-300", seed, windows: [0.96, 0.955 + seed / 500] }),
    );
    const other = rowResult({ name: "warm-start-fresh-online", seed: 1, windows: [0.9, 0.95] });
    const result = { rows: [...ROWS, ...remedy, other], initial: [] };
    const text = reportText({ ...OPTIONS, result });
    const cells = (first: string): readonly string[] => cellsOf(text, first);
    expect(cells("moments go on, rate rises over 300").slice(1)).toEqual([
      ...["0.4, 0.2", "0.30", "0.9590", "0.9850", "0.9800"],
    ]);
    // The frozen row has 0.96 and 0.961 in its windows, PR-8 0.964 and 0.959.
    expect(cells("as the paper: moments go on").slice(1, 4)).toEqual([
      "0.2, 0.2",
      "0.20",
      "0.9615",
    ]);
    expect(cells("copy, top 0.1 %")[5]).toBe("0.9860");
    expect(cells("optimizer starts anew").slice(1, 3)).toEqual(["6.0", "6.00"]);
    expect(text).toMatch(/^\| OL .*first 2,000/m);
  });

  it("has learning rates over the stream beside full retraining, where there are some", () => {
    expect(reportText(OPTIONS)).not.toContain("Learning rates");
    const named = (name: string, accuracy: number): RowResult =>
      rowResult({ name, cumulativeAccuracy: accuracy, lastCheckpointsAccuracy: 0.99 });
    const rows = [named("schedule-cosine", 0.9871), named("schedule-cosine-top-k-0.001", 0.9872)];
    const result = { rows: [...ROWS, ...rows], initial: [] };
    const text = reportText({ ...OPTIONS, result });
    expect(cellsOf(text, "rate falls to 0 as a cosine").slice(1)).toEqual([
      ...["0.9871", "0.9871", "0.9900", "0.9900", "0.9872", "0.9900", "–", "–"],
    ]);
    expect(cellsOf(text, "full retraining").slice(1, 3)).toEqual(["0.9830", "0.9820, 0.9840"]);
    expect(cellsOf(text, "as the paper: one rate")[5]).toBe("0.9860");
  });

  it("says where weights came from, what the data are and which seeds", () => {
    expect(reportText(OPTIONS)).toContain("mean of seeds 1, 2. Weights from scratch.");
    expect(reportText({ ...OPTIONS, isInitialised: true })).toContain("Weights from a file.");
    expect(reportText({ ...OPTIONS, data: "generated digits" })).toContain(
      "Data: generated digits",
    );
  });
});

describe("the document", () => {
  it("has each row of each seed, without what only figures need", () => {
    const { experiment, model, rows } = documentOf(OPTIONS);
    expect({ experiment, model }).toEqual({ experiment: "mnist", model: "lenet5" });
    expect(rows).toHaveLength(ROWS.length);
    expect(Object.keys(rows[0] ?? {})).toEqual(
      expect.arrayContaining([
        ...["strategy", "mode", "selector", "ratio", "triggerSize", "seed", "cumulativeAccuracy"],
        ...["finalTestAccuracy", "trainSeconds", "steps", "entriesPerUpdate", "bytesPerUpdate"],
        "changedPerUpdate",
      ]),
    );
    expect(rows[0]).not.toHaveProperty("curve");
    expect(rows[0]).not.toHaveProperty("windows");
  });
});

describe("the figures", () => {
  it("are two small SVG documents that have the rows' names", () => {
    const figures = figuresOf(OPTIONS);
    expect([...figures.keys()]).toEqual(["accuracy-over-samples.svg", "accuracy-against-cost.svg"]);
    for (const svg of figures.values()) {
      expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 860 420"/);
      expect(svg.trimEnd()).toMatch(/<\/svg>$/);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(svg.length).toBeLessThan(60_000);
      for (const name of ["PR-8", "FR", "top 0.1 %", "OL"]) expect(svg).toContain(`>${name}<`);
    }
  });

  it("come out of no rows too", () => {
    const empty = { ...OPTIONS, result: { rows: [], initial: [] } };
    for (const svg of figuresOf(empty).values()) expect(svg).not.toMatch(/NaN|Infinity/);
  });
});
