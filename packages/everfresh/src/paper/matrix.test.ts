import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.ts";
import { EXPERIMENTS, scaled } from "./experiment.ts";
import { allRows, chosenRows, standardRows } from "./matrix.ts";
import { groupsOf, workOf } from "./row-group.ts";
import { rowLabel, rowName } from "./row-spec.ts";

const { mnist, cifar } = EXPERIMENTS;

describe("the matrix", () => {
  it("has the sixteen trainings of the paper's MNIST script, and the deployed copies beside them", () => {
    const names = standardRows(mnist).map(rowName);
    expect(names).toEqual(
      expect.arrayContaining([
        ...["full-retraining-past", "online"],
        ...[8, 16, 32, 64].map((t) => `proactive-${t}`),
        ...["gradients", "weights"].flatMap((mode) =>
          ["top-k", "random-k"].flatMap((selector) =>
            [0.01, 0.001, 0.0001].map((ratio) => `${mode}-${selector}-${ratio}`),
          ),
        ),
        ...["frozen", "full-retraining-whole", "weights-qsgd-4", "gradients-qsgd-4"],
      ]),
    );
    expect(names.filter((name) => /^(algorithm-1|warm-start|schedule)/.test(name))).toEqual([]);
  });

  it("gives every row a name and a label of its own", () => {
    const rows = allRows(cifar);
    expect(new Set(rows.map(rowName)).size).toBe(rows.length);
    expect(new Set(rows.map(rowLabel)).size).toBeGreaterThanOrEqual(rows.length - 7);
    expect(rowLabel({ kind: "weights", compression: { selector: "topK", ratio: 0.0001 } })).toBe(
      "top 0.01 %",
    );
  });

  it("chooses rows by name or by first words, in its own order, and never leaves out the frozen one", () => {
    const names = (asked: readonly string[]): readonly string[] =>
      chosenRows(mnist, asked).map(rowName);
    expect(names(["weights-top-k", "online"])).toEqual([
      ...["frozen", "online"],
      ...["weights-top-k-0.01", "weights-top-k-0.001", "weights-top-k-0.0001"],
    ]);
    // "0.01" is not the beginning of "0.001" in words.
    expect(names(["weights-top-k-0.01"])).toEqual(["frozen", "weights-top-k-0.01"]);
    expect(names(["full-retraining"])).toHaveLength(3);
    expect(names(["all"])).toEqual(allRows(mnist).map(rowName));
    expect(names([])).toEqual(standardRows(mnist).map(rowName));
  });

  it("has remedies for the dip at the start, of proactive and of online training", () => {
    const names = chosenRows(mnist, ["warm-start"]).map(rowName);
    const remedies = [
      ...["fresh", "fresh-rewarm-100", "fresh-rewarm-300", "fresh-rewarm-1000", "second-moments"],
      ...["rewarm-100", "rewarm-300", "rewarm-1000", "rewarm-3000", "rate-0.0003"],
    ];
    expect(names).toEqual([
      "frozen",
      ...remedies.map((remedy) => `warm-start-${remedy}`),
      "warm-start-as-before-average-0.99",
      ...remedies.map((remedy) => `warm-start-${remedy}-online`),
    ]);
  });

  it("has learning rates over the stream, and copies that follow each", () => {
    const names = chosenRows(mnist, ["schedule"]).map(rowName);
    const rates = ["rewarm-300-inverse-square-root", "cosine", "falling-3", "rate-0.0003"];
    expect(names).toEqual([
      "frozen",
      ...rates.flatMap((rate) =>
        ["", "-top-k-0.001", "-top-k-0.0001"].map((copy) => `schedule-${rate}${copy}`),
      ),
    ]);
  });

  it("takes a name that a row has as that row alone", () => {
    const names = (asked: string): readonly string[] => chosenRows(mnist, [asked]).map(rowName);
    expect(names("warm-start-fresh")).toEqual(["frozen", "warm-start-fresh"]);
    expect(names("schedule-cosine")).toEqual(["frozen", "schedule-cosine"]);
    expect(names("warm-start-fresh-rewarm")).toHaveLength(1 + 2 * 3);
  });

  it("refuses a row that there is not, and says which there are", () => {
    expect(() => chosenRows(mnist, ["proactive-9"])).toThrow(UsageError);
    expect(() => chosenRows(mnist, ["proactive-9"])).toThrow(/"proactive-9".*proactive-8/);
    expect(() => chosenRows(mnist, [""])).toThrow(UsageError);
  });
});

describe("groups of rows", () => {
  it("let all rows of weights of a seed follow one training, which is that of the smallest trigger size", () => {
    const groups = groupsOf(standardRows(mnist), mnist);
    const followed = groups.filter(({ kind }) => kind === "followed");
    expect(followed).toMatchObject([
      { trained: { kind: "proactive", triggerSize: 8 }, withTrained: true },
    ]);
    expect(followed[0]).toHaveProperty("followers.length", 8);
    const singles = groups.flatMap((group) => (group.kind === "single" ? [group.row.kind] : []));
    expect(singles).not.toContain("weights");
    expect(groups).toHaveLength(standardRows(mnist).length - 8);
  });

  it("train for copies that are missing though the row of the training itself is there", () => {
    const copies = chosenRows(mnist, ["weights-top-k-0.01"]);
    expect(groupsOf(copies, mnist)).toMatchObject([
      { kind: "single", row: { kind: "frozen" } },
      { kind: "followed", withTrained: false, followers: [{ kind: "weights" }] },
    ]);
  });

  it("train a state for each remedy and schedule, which its own copies follow", () => {
    const rows = chosenRows(mnist, ["schedule-cosine", "schedule-falling", "weights-top-k-0.01"]);
    const groups = groupsOf(rows, mnist).filter(({ kind }) => kind === "followed");
    expect(groups).toMatchObject([
      { trained: { kind: "proactive" }, withTrained: false, followers: [{ kind: "weights" }] },
      { trained: { rate: { kind: "cosine" } }, withTrained: true, followers: [] },
      { trained: { rate: { kind: "falling" } }, withTrained: true },
    ]);
    expect(groups[2]).toHaveProperty("followers.length", 2);
    const unchanged = groupsOf(chosenRows(mnist, ["warm-start-as-before-average"]), mnist);
    expect(unchanged[1]).toMatchObject({ withTrained: false, followers: [{ kind: "average" }] });
  });

  it("know the steps that the paper's settings take", () => {
    const work = (name: string, epochs: number): number => {
      const experiment = { ...mnist, epochs };
      const [group] = groupsOf(
        chosenRows(experiment, [name]).filter(({ kind }) => kind !== "frozen"),
        experiment,
      );
      return group === undefined ? 0 : workOf(group, experiment);
    };
    // ⌈20,000/128⌉ + ⌈30,000/128⌉ + ⌈40,000/128⌉ + ⌈50,000/128⌉ = 157 + 235 + 313 + 391.
    expect(work("full-retraining-past", 10)).toBe(10_960);
    expect(work("full-retraining-past", 25)).toBe(27_400);
    expect(work("proactive-8", 10)).toBe(6_250);
    expect(work("online", 10)).toBe(391);
    expect(work("warm-start-fresh-online", 10)).toBe(391);
    expect(work("warm-start-fresh", 10)).toBe(6_250);
    expect(work("full-retraining-whole", 10)).toBe(4_690);
  });
});

describe("a scaled experiment", () => {
  it("has fewer samples and as many epochs", () => {
    expect(scaled(mnist, 0.02)).toMatchObject({
      ...{ initialSamples: 200, streamSamples: 1_000, retrainingEvery: 200, epochs: 10 },
      ...{ batchSize: 128, triggerSizes: [64, 32, 16, 8] },
    });
    expect(scaled(cifar, 1)).toEqual(cifar);
  });

  it("keeps a batch at least", () => {
    expect(scaled(mnist, 0.001).initialSamples).toBe(128);
  });
});
