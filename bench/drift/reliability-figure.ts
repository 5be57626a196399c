import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ReliabilityBin } from "@everfresh/learn";
import {
  COLOURS,
  legend,
  lineChart,
  type Series,
} from "../../packages/everfresh/src/paper/report/chart.ts";
import { svgDocument, text } from "../../packages/everfresh/src/paper/report/svg.ts";

const SIZE = 420;
const LEGEND_WIDTH = 190;
const FILE = "drift-reliability.svg";

/** Writes how often there was a change, against how likely it was said to be, into a folder. */
export function writeReliabilityFigure(folder: string, bins: readonly ReliabilityBin[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, FILE), reliabilityFigure(bins));
}

function reliabilityFigure(bins: readonly ReliabilityBin[]): string {
  const filled = bins.filter(({ predicted }) => predicted !== null);
  const [ours = "#000", interval = "#000"] = COLOURS;
  const line = (label: string, look: Omit<Series, "label" | "points">, of: PartOfBin): Series => ({
    ...{ label, ...look },
    points: filled.map((bin) => [bin.predicted ?? 0, bin[of] ?? 0]),
  });
  const perfect: Series = {
    ...{ label: "perfect", colour: "#8a8a8a", dash: "2 3" },
    points: [
      [0, 0],
      [1, 1],
    ],
  };
  const measured = line("measured", { colour: ours }, "observed");
  const low = line("95 %", { colour: interval, dash: "4 3" }, "low");
  const high = line("", { colour: interval, dash: "4 3" }, "high");
  const title = "Said to be changed within 1,000 samples, and changed";
  return svgDocument({ width: SIZE + LEGEND_WIDTH, height: SIZE, title }, [
    text(title, { x: 60, y: 20, "font-weight": "bold" }),
    ...lineChart({
      frame: { left: 4, top: 28, width: SIZE, height: SIZE - 36 },
      x: { label: "likelihood", scale: "linear" },
      y: { label: "how often", scale: "linear" },
      series: [perfect, low, high, measured],
    }),
    ...legend([measured, low, perfect], { left: SIZE + 16, top: 50 }),
  ]);
}

type PartOfBin = "observed" | "low" | "high";
