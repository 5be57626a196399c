import type { Features } from "@everfresh/core";
import type { Insertable } from "kysely";
import type { JoinedPrediction, LabelTurn, PendingPrediction, Prediction } from "./label-join.ts";

/** What a row has of a prediction. */
interface PredictionColumns {
  id: string;
  version: number;
  event_time_ms: number;
  predicted_at_ms: number;
  /** Element type of the features. */
  dtype: string;
  /** Raw bytes, little-endian. */
  features: Uint8Array;
  outputs: Uint8Array;
  no_change: number | null;
  majority: number | null;
}

/** A row of a prediction that waits. */
export interface PendingRow extends PredictionColumns {
  sequence: number;
}

/** A row of a prediction that has its label. */
export interface JoinedRow extends PredictionColumns {
  number: number;
  label: number;
  labelled_at_ms: number;
  lag_samples: number;
}

/** A row of what has happened to a prediction; what its kind does not have is null. */
export interface TurnRow {
  number: number;
  kind: LabelTurn["kind"];
  sequence: number;
  id: string | null;
  version: number | null;
  event_time_ms: number | null;
  dtype: string | null;
  features: Uint8Array | null;
  outputs: Uint8Array | null;
  label: number | null;
}

/** The tables of a label join in a database that other stores may use too. */
export interface LabelDatabase {
  label_pending: PendingRow;
  label_early: { sequence: number; id: string; label: number; arrived_at_ms: number };
  label_settled: { sequence: number; id: string; label: number | null };
  label_joined: JoinedRow;
  label_turn: TurnRow;
  /** One row: the format, and a state as JSON. */
  label_state: { version: number; state: string };
}

/** The format that this program writes. */
export const LABEL_SCHEMA_VERSION = 1;

const PREDICTION_COLUMNS = `
    version INTEGER NOT NULL,
    event_time_ms REAL NOT NULL,
    predicted_at_ms REAL NOT NULL,
    dtype TEXT NOT NULL,
    features BLOB NOT NULL,
    outputs BLOB NOT NULL,
    no_change REAL,
    majority REAL`;

/** Creates the tables where they are missing. */
export const CREATE_LABEL_TABLES: string = `
  CREATE TABLE IF NOT EXISTS label_state (version INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS label_pending (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,${PREDICTION_COLUMNS}
  ) STRICT;
  CREATE TABLE IF NOT EXISTS label_early (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    label REAL NOT NULL,
    arrived_at_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS label_settled (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    label REAL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS label_joined (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,${PREDICTION_COLUMNS},
    label REAL NOT NULL,
    labelled_at_ms REAL NOT NULL,
    lag_samples INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS label_turn (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id TEXT,
    version INTEGER,
    event_time_ms REAL,
    dtype TEXT,
    features BLOB,
    outputs BLOB,
    label REAL
  ) STRICT;
`;

/** The columns of a prediction. */
function columnsOf(
  prediction: Prediction & { readonly predictedAtMs: number },
): Insertable<PredictionColumns> {
  const { features, outputs } = prediction;
  return {
    id: prediction.id,
    version: prediction.version,
    event_time_ms: prediction.eventTimeMs,
    predicted_at_ms: prediction.predictedAtMs,
    dtype: dtypeOf(features),
    features: bytesOf(features),
    outputs: bytesOf(outputs),
    no_change: prediction.noChange,
    majority: prediction.majority,
  };
}

/** The row of a prediction that waits. */
export function pendingRow(prediction: PendingPrediction): Insertable<PendingRow> {
  return { sequence: prediction.sequence, ...columnsOf(prediction) };
}

/** The row of a joined prediction. */
export function joinedRow(number: number, joined: JoinedPrediction): Insertable<JoinedRow> {
  return {
    number,
    ...columnsOf(joined),
    label: joined.label,
    labelled_at_ms: joined.labelledAtMs,
    lag_samples: joined.lagSamples,
  };
}

/** The prediction of a row, with its own memory; null when the row is damaged. */
export function pendingOf(row: PendingRow): PendingPrediction | null {
  const prediction = predictionOf(row);
  return prediction === null ? null : { ...prediction, sequence: row.sequence };
}

/** The joined prediction of a row, with its own memory; null when the row is damaged. */
export function joinedOf(row: JoinedRow): JoinedPrediction | null {
  const prediction = predictionOf(row);
  if (prediction === null) return null;
  return {
    ...prediction,
    label: row.label,
    labelledAtMs: row.labelled_at_ms,
    lagSamples: row.lag_samples,
  };
}

function predictionOf(row: PredictionColumns): (Prediction & { predictedAtMs: number }) | null {
  const features = featuresOf(row.dtype, row.features);
  const outputs = featuresOf("float32", row.outputs);
  if (features === null || !(outputs instanceof Float32Array)) return null;
  return {
    id: row.id,
    version: row.version,
    eventTimeMs: row.event_time_ms,
    predictedAtMs: row.predicted_at_ms,
    features,
    outputs,
    noChange: row.no_change,
    majority: row.majority,
  };
}

/** The row of a turn. */
export function turnRow(number: number, turn: LabelTurn): Insertable<TurnRow> {
  const { kind, sequence } = turn;
  const isPrediction = kind === "predicted";
  return {
    ...{ number, kind, sequence },
    id: isPrediction ? turn.id : null,
    version: isPrediction ? turn.version : null,
    event_time_ms: isPrediction ? turn.eventTimeMs : null,
    dtype: isPrediction ? dtypeOf(turn.features) : null,
    features: isPrediction ? bytesOf(turn.features) : null,
    outputs: kind === "expired" ? null : bytesOf(turn.outputs),
    label: kind === "joined" ? turn.label : null,
  };
}

/** The turn of a row, with its own memory; null when the row is damaged. */
export function turnOf(row: TurnRow): LabelTurn | null {
  const { kind, sequence, id, version, label, event_time_ms: eventTimeMs } = row;
  if (kind === "expired") return { kind, sequence };
  const outputs = row.outputs === null ? null : featuresOf("float32", row.outputs);
  if (!(outputs instanceof Float32Array)) return null;
  if (kind === "joined") return label === null ? null : { kind, sequence, label, outputs };
  if (id === null || version === null || eventTimeMs === null) return null;
  const features = row.features === null ? null : featuresOf(row.dtype ?? "", row.features);
  if (features === null) return null;
  return { kind, sequence, id, version, eventTimeMs, features, outputs };
}

function dtypeOf(features: Features): "float32" | "uint8" {
  return features instanceof Float32Array ? "float32" : "uint8";
}

function bytesOf({ buffer, byteOffset, byteLength }: Features): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function featuresOf(dtype: string, bytes: Uint8Array): Features | null {
  const copy = new Uint8Array(bytes);
  if (dtype === "uint8") return copy;
  if (dtype === "float32" && copy.length % 4 === 0) return new Float32Array(copy.buffer);
  return null;
}
