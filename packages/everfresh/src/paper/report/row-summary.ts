import type { CurvePoint, RowCost, RowResult } from "../row-result.ts";

/** A row over all seeds that have it: means. */
export interface RowSummary {
  readonly name: string;
  readonly seeds: readonly number[];
  readonly cumulativeAccuracy: number | null;
  /** From the lowest to the highest seed. */
  readonly cumulativeSpread: number | null;
  readonly finalTestAccuracy: number;
  readonly lastCheckpointsAccuracy: number | null;
  /** The same had statistics of BatchNormalization been estimated anew; null without such. */
  readonly recalibratedAccuracy: number | null;
  readonly trainSeconds: number;
  readonly steps: number;
  readonly entriesPerUpdate: number | null;
  readonly bytesPerUpdate: number | null;
  readonly changedPerUpdate: number | null;
  readonly updates: number;
  readonly cost: RowCost;
  readonly curve: readonly CurvePoint[];
  readonly windows: readonly number[];
}

/** The rows of all seeds, by their names, in the order in which names come first. */
export function summariesOf(rows: readonly RowResult[]): ReadonlyMap<string, RowSummary> {
  const byName = new Map<string, RowResult[]>();
  for (const row of rows) byName.set(row.name, [...(byName.get(row.name) ?? []), row]);
  return new Map([...byName].map(([name, same]) => [name, summaryOf(name, same)]));
}

function summaryOf(name: string, rows: readonly RowResult[]): RowSummary {
  const mean = (of: (row: RowResult) => number): number => meanOf(rows.map(of));
  const cost = (part: keyof RowCost): number => mean((row) => row.cost[part]);
  const cumulative = rows.flatMap(({ cumulativeAccuracy }) => cumulativeAccuracy ?? []);
  return {
    name,
    seeds: rows.map(({ seed }) => seed),
    cumulativeAccuracy: orNull(rows.map((row) => row.cumulativeAccuracy)),
    cumulativeSpread:
      cumulative.length === 0 ? null : Math.max(...cumulative) - Math.min(...cumulative),
    finalTestAccuracy: mean((row) => row.finalTestAccuracy),
    lastCheckpointsAccuracy: orNull(rows.map((row) => row.lastCheckpointsAccuracy)),
    recalibratedAccuracy: orNull(
      rows.map(({ recalibratedAccuracies = [] }) =>
        recalibratedAccuracies.length === 0 ? null : meanOf(recalibratedAccuracies),
      ),
    ),
    trainSeconds: mean(({ trainSeconds }) => trainSeconds),
    steps: mean(({ steps }) => steps),
    entriesPerUpdate: orNull(rows.map((row) => row.entriesPerUpdate)),
    bytesPerUpdate: orNull(rows.map((row) => row.bytesPerUpdate)),
    changedPerUpdate: orNull(rows.map((row) => row.changedPerUpdate)),
    updates: mean(({ updates }) => updates),
    cost: {
      preprocessing: cost("preprocessing"),
      training: cost("training"),
      evaluation: cost("evaluation"),
      selection: cost("selection"),
      encoding: cost("encoding"),
    },
    curve: meanCurve(rows.map(({ curve }) => curve)),
    windows: (rows[0]?.windows ?? []).map((_, at) => mean((row) => row.windows[at] ?? 0)),
  };
}

/** The mean; null where one of the values is. */
function orNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length || known.length === 0 ? null : meanOf(known);
}

/** Curves of one row have their points after the same samples, whatever the seed. */
function meanCurve(curves: readonly (readonly CurvePoint[])[]): readonly CurvePoint[] {
  return (curves[0] ?? []).map(({ samples }, at) => ({
    samples,
    accuracy: meanOf(curves.map((curve) => curve[at]?.accuracy ?? 0)),
  }));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
