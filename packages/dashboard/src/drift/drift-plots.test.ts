import { describe, expect, it } from "vitest";
import { plotText } from "../charts/plot.ts";
import { uplotData, uplotOptions } from "../charts/uplot-options.ts";
import { exampleDrift, exampleRecord } from "./drift.fixture.ts";
import { driftColumns, evidencePlot, recordMarks, versionsPlot } from "./drift-plots.ts";
import { actionText, outcomeText, plainExplanation } from "./record-list.tsx";

describe("the charts of drift", () => {
  const view = exampleDrift();
  const plot = evidencePlot(view);
  const columns = driftColumns(view);

  it("have a line per signal, and bands that meet at the budgets", () => {
    expect(plot.lines.map(({ label }) => label)).toEqual(["All together", "margin", "errors"]);
    expect(new Set(plot.lines.map(({ colour, dash }) => `${colour} ${dash.join()}`)).size).toBe(3);
    expect(plot.bands?.map(({ from, to }) => [from, to])).toEqual([
      [2_000, 20_000],
      [20_000, 1_000_000],
    ]);
    expect(plot.range(null, null)).toEqual([1, 1_000_000]);
  });

  it("keep evidence within the axis, gaps as gaps, and samples increasing", () => {
    expect(columns.samples).toEqual([100, 200]);
    expect(columns["signal0"]).toEqual([1, 2_100]);
    expect(columns["signal1"]).toEqual([null, 1_000_000]);
    expect(columns["together"]).toEqual([1, 2_300]);
    expect(plotText(plot, columns, 1)).toBe(
      "200 samples: All together 2.3K, margin 2.1K, errors 1M",
    );
  });

  it("show versions on the same axis of samples", () => {
    expect(uplotData(versionsPlot, columns)).toEqual([
      [100, 200],
      [10, 20],
    ]);
    const options = uplotOptions(plot, () => "#000000", { width: 600, height: 200 });
    expect(uplotData(plot, columns)).toHaveLength(options.series.length);
    const axes = [plot, versionsPlot].map(
      (each) => uplotOptions(each, () => "#000", { width: 600, height: 90 }).axes ?? [],
    );
    expect(axes.map(([x, y]) => [x?.label, y?.size])).toEqual([
      ["Samples predicted", axes[1]?.[1]?.size],
      ["Samples predicted", axes[0]?.[1]?.size],
    ]);
  });

  it("mark records where they were seen, those that were withdrawn by dashes", () => {
    expect(recordMarks(view)).toEqual([
      { samples: 4_032, colour: "drift", dash: [] },
      { samples: 4_032, colour: "warning", dash: [3, 4] },
    ]);
  });
});

describe("a record on the page", () => {
  it("says what has become of it", () => {
    expect(outcomeText(exampleRecord())).toBe("Confirmed by labels");
    expect(outcomeText(exampleRecord({ outcome: "open" }))).toBe("Labels are still out");
    expect(outcomeText(exampleRecord({ outcome: "unsettled" }))).toBe("Too few labels to tell");
    expect(outcomeText(exampleRecord({ verdict: "warning" }))).toBe("Became a drift");
  });

  it("says what was done, with which samples, and from which version on", () => {
    const { action } = exampleRecord();
    expect(actionText(action!)).toBe(
      "Draws only samples since the change, positions 4,004 to 4,008; from version 502 on",
    );
    expect(actionText({ ...action!, kind: "warn", versions: null })).toBe("Told, nothing else");
  });

  it("does not repeat the word that its pill says", () => {
    expect(plainExplanation("Drift: margin went up.")).toBe("Margin went up.");
    expect(plainExplanation("No change is seen.")).toBe("No change is seen.");
  });
});
