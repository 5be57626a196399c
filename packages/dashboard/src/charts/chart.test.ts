import { describe, expect, it } from "vitest";
import { examplePoint } from "../status.fixture.ts";
import { keyTarget } from "./chart.tsx";
import { accuracyPlot, plotText } from "./plot.ts";
import { columnsOf } from "./series.ts";
import { uplotData, uplotOptions } from "./uplot-options.ts";

describe("the keys of a chart", () => {
  it("move by one point, by a tenth, or to an end, and stay inside", () => {
    expect(keyTarget("ArrowLeft", 5, 100)).toBe(4);
    expect(keyTarget("ArrowLeft", 0, 100)).toBe(0);
    expect(keyTarget("ArrowRight", 100, 100)).toBe(100);
    expect(keyTarget("PageDown", 50, 100)).toBe(40);
    expect(keyTarget("PageUp", 95, 100)).toBe(100);
    expect(keyTarget("Home", 50, 100)).toBe(0);
    expect(keyTarget("End", 50, 100)).toBe(100);
  });

  it("hide the cursor on Escape and leave every other key alone", () => {
    expect(keyTarget("Escape", 5, 100)).toBeNull();
    expect(keyTarget("Tab", 5, 100)).toBeUndefined();
  });
});

describe("a plot", () => {
  const columns = columnsOf([examplePoint()], 246_824);

  it("reads as a sentence at a point", () => {
    expect(plotText(accuracyPlot, columns, 0)).toBe("1,920 samples: Deployed 94.7%, Trained 95.3%");
  });

  it("has one column of data for every declared series", () => {
    const options = uplotOptions(accuracyPlot, () => "#000000", { width: 600, height: 300 });
    expect(uplotData(accuracyPlot, columns)).toHaveLength(options.series.length);
  });
});
