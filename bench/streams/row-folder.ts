/**
 * Rows that have been measured, a file each:
 *
 *   elec2/lag-500/seed-1/uniform.json
 *
 * A bench that was stopped goes on with the rows that are missing.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { StreamRow } from "./row.ts";

/** Which row. */
export interface RowKey extends Pick<
  StreamRow,
  "experiment" | "lag" | "seed" | "strategy" | "scale"
> {
  /** Of the stream; left out where there is one length only. */
  readonly samples?: number;
}

/** The row of a folder; null when it is not there, or was measured on another scale or length. */
export function storedRow(folder: string, key: RowKey): StreamRow | null {
  const file = fileOf(folder, key);
  if (!existsSync(file)) return null;
  const row = JSON.parse(readFileSync(file, "utf8")) as StreamRow;
  const isSame = row.scale === key.scale && (key.samples ?? row.samples) === row.samples;
  return isSame ? row : null;
}

/** Stores a row: whole, or not at all. */
export function storeRow(folder: string, row: StreamRow): void {
  const file = fileOf(folder, row);
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.part`;
  writeFileSync(temporary, `${JSON.stringify(row)}\n`);
  renameSync(temporary, file);
}

function fileOf(folder: string, { experiment, lag, seed, strategy }: RowKey): string {
  return path.join(folder, experiment, `lag-${lag}`, `seed-${seed}`, `${strategy}.json`);
}
