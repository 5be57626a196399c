import type Database from "better-sqlite3";
import { type CompiledQuery, Kysely, SqliteDialect } from "kysely";
import { erasedId } from "../erasure/erased-sample.ts";
import { LabelsUnreadableError } from "../errors.ts";
import type { JoinedPrediction, LabelTurn, PendingPrediction } from "./label-join.ts";
import {
  joinedOf,
  type JoinedRow,
  joinedRow,
  type LabelDatabase,
  pendingOf,
  type PendingRow,
  pendingRow,
  turnOf,
  turnRow,
  type TurnRow,
} from "./label-schema.ts";
import type { EarlyLabel, LabelState, LabelTables, SettledId, Table } from "./label-tables.ts";

type Queries = Kysely<LabelDatabase>;
type EarlyRow = LabelDatabase["label_early"];
type SettledRow = LabelDatabase["label_settled"];
/** Prepares a query once; its parameters come with each use, in the order of the query. */
type Prepare = <Row>(query: { compile(): CompiledQuery }) => Database.Statement<unknown[], Row>;

/** Shows the columns of a prediction, and their order, to the queries. */
const EXAMPLE: PendingPrediction & JoinedPrediction = {
  id: "",
  version: 0,
  eventTimeMs: 0,
  features: new Uint8Array(0),
  outputs: new Float32Array(0),
  noChange: null,
  majority: null,
  sequence: 0,
  predictedAtMs: 0,
  label: 0,
  labelledAtMs: 0,
  lagSamples: 0,
};

/** The tables of a label join in a database; each call is a part of the transaction around it. */
export interface SqliteLabelTables extends LabelTables {
  /** The joined predictions from number `from` up to but without `to`. */
  joined(from: number, to: number): readonly JoinedPrediction[];
  /** The predictions that wait, from a number on, in their order. */
  waiting(sequence: number): readonly PendingPrediction[];
  /** How many of them there are below a number. */
  waitingBelow(sequence: number): number;
  /** The turns from a number up to but without another one. */
  turnsIn(from: number, to: number): readonly LabelTurn[];
  /** Stores what is known beside the tables. */
  saveState(state: LabelState): void;
}

/** The tables in `database`, which has them already; `file` is for messages. */
export function sqliteLabelTables(database: Database.Database, file: string): SqliteLabelTables {
  const queries: Queries = new Kysely({ dialect: new SqliteDialect({ database }) });
  const prepare: Prepare = (query) => database.prepare(query.compile().sql);
  const example = joinedRow(0, EXAMPLE);
  const insert = prepare(queries.insertInto("label_joined").values(example));
  const remove = prepare(queries.deleteFrom("label_joined").where("number", "<", 0));
  const select = prepare<JoinedRow>(
    queries
      .selectFrom("label_joined")
      .selectAll()
      .where("number", ">=", 0)
      .where("number", "<", 0)
      .orderBy("number"),
  );
  const wait = prepare<PendingRow>(
    queries.selectFrom("label_pending").selectAll().where("sequence", ">=", 0).orderBy("sequence"),
  );
  const count = database.prepare<[number], { count: number }>(
    "SELECT COUNT(*) AS count FROM label_pending WHERE sequence < ?",
  );
  const insertTurn = prepare(
    queries.insertInto("label_turn").values(turnRow(0, { kind: "expired", sequence: 0 })),
  );
  const removeTurns = prepare(queries.deleteFrom("label_turn").where("number", "<", 0));
  const selectTurns = prepare<TurnRow>(
    queries
      .selectFrom("label_turn")
      .selectAll()
      .where("number", ">=", 0)
      .where("number", "<", 0)
      .orderBy("number"),
  );
  const update = prepare(queries.updateTable("label_state").set({ state: "" }));
  return {
    pending: pendingTable(queries, prepare, file),
    early: earlyTable(queries, prepare),
    settled: settledTable(queries, prepare),
    addJoined: (number, joined) => insert.run(...Object.values(joinedRow(number, joined))),
    addTurn: (number, turn) => insertTurn.run(...Object.values(turnRow(number, turn))),
    blankJoined: (id) => {
      blank(database, "label_turn", id);
      return blank(database, "label_joined", id);
    },
    removeJoinedBelow: (number) => remove.run(number),
    removeTurnsBelow: (number) => removeTurns.run(number),
    joined: (from, to) => {
      const rows = select.all(from, to).map((row) => joinedOf(row));
      const found = rows.filter((row) => row !== null);
      if (found.length < to - from) throw damaged(file, `joined predictions from ${from}`);
      return found;
    },
    turnsIn: (from, to) => {
      const found = selectTurns.all(from, to).map((row) => turnOf(row));
      const turns = found.filter((turn) => turn !== null);
      if (turns.length < to - from) throw damaged(file, `turns from ${from}`);
      return turns;
    },
    waitingBelow: (sequence) => count.get(sequence)?.count ?? 0,
    waiting: (sequence) => wait.all(sequence).map((row) => readPending(row, file)),
    saveState: (state) => update.run(JSON.stringify(state)),
  };
}

function blank(
  database: Database.Database,
  table: "label_joined" | "label_turn",
  id: string,
): boolean {
  const rows = database
    .prepare<[string], { number: number; features: Uint8Array }>(
      `SELECT number, features FROM ${table} WHERE id = ?`,
    )
    .all(id);
  const update = database.prepare(`UPDATE ${table} SET id = ?, features = ? WHERE number = ?`);
  for (const { number, features } of rows) {
    update.run(erasedId(number), new Uint8Array(features.length), number);
  }
  return rows.length > 0;
}

function pendingTable(queries: Queries, prepare: Prepare, file: string): Table<PendingPrediction> {
  const all = queries.selectFrom("label_pending").selectAll();
  const byId = prepare<PendingRow>(all.where("id", "=", ""));
  const first = prepare<PendingRow>(all.orderBy("sequence").limit(1));
  const insert = prepare(queries.insertInto("label_pending").values(pendingRow(EXAMPLE)));
  const remove = prepare(queries.deleteFrom("label_pending").where("sequence", "=", 0));
  const read = (row: PendingRow | undefined): PendingPrediction | null =>
    row === undefined ? null : readPending(row, file);
  return {
    get: (id) => read(byId.get(id)),
    // Kysely makes the number of rows a parameter too.
    oldest: () => read(first.get(1)),
    add: (row) => insert.run(...Object.values(pendingRow(row))),
    remove: ({ sequence }) => remove.run(sequence),
  };
}

function readPending(row: PendingRow, file: string): PendingPrediction {
  const prediction = pendingOf(row);
  if (prediction === null) throw damaged(file, `the prediction of "${row.id}"`);
  return prediction;
}

function earlyTable(queries: Queries, prepare: Prepare): Table<EarlyLabel> {
  const all = queries.selectFrom("label_early").selectAll();
  const byId = prepare<EarlyRow>(all.where("id", "=", ""));
  const first = prepare<EarlyRow>(all.orderBy("sequence").limit(1));
  const rowOf = ({ sequence, id, label, arrivedAtMs }: EarlyLabel): EarlyRow => ({
    sequence,
    id,
    label,
    arrived_at_ms: arrivedAtMs,
  });
  const example = { id: "", label: 0, sequence: 0, arrivedAtMs: 0 };
  const insert = prepare(queries.insertInto("label_early").values(rowOf(example)));
  const remove = prepare(queries.deleteFrom("label_early").where("sequence", "=", 0));
  const read = (row: EarlyRow | undefined): EarlyLabel | null =>
    row === undefined
      ? null
      : { id: row.id, label: row.label, sequence: row.sequence, arrivedAtMs: row.arrived_at_ms };
  return {
    get: (id) => read(byId.get(id)),
    oldest: () => read(first.get(1)),
    add: (row) => insert.run(...Object.values(rowOf(row))),
    remove: ({ sequence }) => remove.run(sequence),
  };
}

function settledTable(queries: Queries, prepare: Prepare): Table<SettledId> {
  const all = queries.selectFrom("label_settled").selectAll();
  const byId = prepare<SettledRow>(all.where("id", "=", ""));
  const first = prepare<SettledRow>(all.orderBy("sequence").limit(1));
  const rowOf = ({ sequence, id, label }: SettledId): SettledRow => ({ sequence, id, label });
  const example = { id: "", sequence: 0, label: 0 };
  const insert = prepare(queries.insertInto("label_settled").values(rowOf(example)));
  const remove = prepare(queries.deleteFrom("label_settled").where("sequence", "=", 0));
  return {
    get: (id) => byId.get(id) ?? null,
    oldest: () => first.get(1) ?? null,
    add: (row) => insert.run(...Object.values(rowOf(row))),
    remove: ({ sequence }) => remove.run(sequence),
  };
}

function damaged(file: string, what: string): LabelsUnreadableError {
  const way = "restore the file, or use another state directory";
  return new LabelsUnreadableError(file, `${what} cannot be read; ${way}`);
}
