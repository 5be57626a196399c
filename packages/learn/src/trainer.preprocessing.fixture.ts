/** Preprocessing that learns, of samples with 12 numbers. */
import { type Pipeline, pipeline } from "@everfresh/core";

const COLUMNS = Array.from({ length: 12 }, (_, i) => `c${i}`);

/** Numbers, each with statistics of its own; later ones count more. */
export const NUMBERS: Pipeline = pipeline({
  raw: { kind: "numbers", columns: COLUMNS },
  branches: [
    { columns: COLUMNS.slice(0, 8), steps: [{ kind: "standardise", memorySamples: 60 }] },
    { columns: COLUMNS.slice(8), steps: [{ kind: "impute", with: "mean" }, { kind: "minMax" }] },
  ],
});
