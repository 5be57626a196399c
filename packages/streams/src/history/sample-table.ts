import type { Features, Sample } from "@everfresh/core";
import type { Insertable, Selectable } from "kysely";

/** One stored sample. */
interface SampleTable {
  /** From 0, without gaps. */
  position: number;
  id: string;
  event_time_ms: number;
  /** Element type of the features. */
  dtype: string;
  /** Raw bytes of the features, little-endian. */
  features: Uint8Array;
  label: number;
}

/** The tables of a history in a database that other stores may use too. */
export interface HistoryDatabase {
  sample: SampleTable;
  /** One row: the format of the sample table. */
  sample_schema: { version: number };
}

/** The format that this program writes. */
export const SCHEMA_VERSION = 1;

/** Creates the tables where they are missing. */
export const CREATE_TABLES: string = `
  CREATE TABLE IF NOT EXISTS sample_schema (version INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS sample (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event_time_ms REAL NOT NULL,
    dtype TEXT NOT NULL,
    features BLOB NOT NULL,
    label INTEGER NOT NULL
  ) STRICT;
  INSERT INTO sample_schema
    SELECT ${SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM sample_schema);
`;

/** The row of a sample. */
export function rowOf(position: number, sample: Sample): Insertable<SampleTable> {
  const { id, eventTimeMs, features, label } = sample;
  return {
    position,
    id,
    event_time_ms: eventTimeMs,
    dtype: features instanceof Float32Array ? "float32" : "uint8",
    features: new Uint8Array(features.buffer, features.byteOffset, features.byteLength),
    label,
  };
}

/** The sample of a row, with its own memory; null when the row is damaged. */
export function sampleOf(row: Selectable<SampleTable>): Sample | null {
  const features = featuresOf(row.dtype, row.features);
  if (features === null) return null;
  return { id: row.id, eventTimeMs: row.event_time_ms, features, label: row.label };
}

function featuresOf(dtype: string, bytes: Uint8Array): Features | null {
  const copy = new Uint8Array(bytes);
  if (dtype === "uint8") return copy;
  if (dtype === "float32" && copy.length % 4 === 0) return new Float32Array(copy.buffer);
  return null;
}
