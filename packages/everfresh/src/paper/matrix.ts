import { UsageError } from "../errors.ts";
import type { Experiment } from "./experiment.ts";
import { type Compression, rowName, type RowSpec } from "./row-spec.ts";
import { scheduleRows, warmStartRows } from "./studies.ts";

/** Of the average that is a control: as slow as a copy that is sent 0.1 % with every step. */
const AVERAGE_DECAY = 0.999;
/** Levels of QSGD: 2⁴ − 1. */
const QSGD_BITS = 4;

/** Rows that run when nobody says which: all but the paper's Algorithm 1, which its experiments left. */
export function standardRows(experiment: Experiment): readonly RowSpec[] {
  return paperRows(experiment).filter(
    (row) => row.kind !== "gradients" || row.optimizer === "adam",
  );
}

/** Every row of an experiment, those first that the others are compared with. */
export function allRows(experiment: Experiment): readonly RowSpec[] {
  return [...paperRows(experiment), ...warmStartRows(), ...scheduleRows()];
}

/** Rows that the paper has, and ours beside them. */
function paperRows({ triggerSizes, ratios }: Experiment): readonly RowSpec[] {
  const compressions: readonly Compression[] = [
    ...ratios.map((ratio) => ({ selector: "topK", ratio }) as const),
    ...ratios.map((ratio) => ({ selector: "randomK", ratio }) as const),
    { selector: "qsgd", bits: QSGD_BITS },
  ];
  const shares = compressions.filter(({ selector }) => selector !== "qsgd");
  return [
    { kind: "frozen" },
    { kind: "online" },
    ...triggerSizes.map((triggerSize) => ({ kind: "proactive", triggerSize }) as const),
    ...compressions.map((compression) => ({ kind: "weights", compression }) as const),
    { kind: "average", decay: AVERAGE_DECAY },
    { kind: "fullRetraining", on: "past" },
    { kind: "fullRetraining", on: "everything" },
    ...compressions.map(
      (compression) => ({ kind: "gradients", optimizer: "adam", compression }) as const,
    ),
    ...shares.map((compression) => ({ kind: "gradients", optimizer: "sgd", compression }) as const),
  ];
}

/**
 * The rows that are asked for, in the order of the matrix: by name, by the first words of names where
 * no row has that name, or "all".
 * @throws UsageError for a name that no row has
 */
export function chosenRows(experiment: Experiment, names: readonly string[]): readonly RowSpec[] {
  if (names.length === 0) return standardRows(experiment);
  const rows = allRows(experiment);
  const own = new Set(rows.map(rowName));
  const isNamed = (row: RowSpec, name: string): boolean =>
    own.has(name) ? rowName(row) === name : name === "all" || rowName(row).startsWith(`${name}-`);
  const unknown = names.find((name) => !rows.some((row) => isNamed(row, name)));
  if (unknown !== undefined) {
    const known = [...own].join(", ");
    throw new UsageError(`There is no row "${unknown}"; there are all, ${known}`, { unknown });
  }
  // What training is worth shows beside a model that is not trained: that row is always there.
  return rows.filter((row) => row.kind === "frozen" || names.some((name) => isNamed(row, name)));
}
