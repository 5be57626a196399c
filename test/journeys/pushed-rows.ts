/** Rows that others send to a run, some of them broken, and the configuration that takes them. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { openHistory } from "@everfresh/streams";
import type { ModelStatus } from "@everfresh/sync";
import { expect } from "vitest";
import { documentOf } from "./in-process.ts";
import { type Program, start } from "./program.ts";

/** A row as it is sent. */
export type SentRow = Readonly<Record<string, unknown>>;

/** A row with what is wrong with it; null for nothing. */
export interface JourneyRow {
  readonly right: SentRow;
  readonly sent: Uint8Array;
  readonly kind: string | null;
}

/** How a row is broken, by what is then wrong with it. */
const BREAKS: readonly (readonly [string, (row: SentRow) => SentRow])[] = [
  ["wrongType", (row) => ({ ...row, load: "much" })],
  ["missingField", (row) => ({ ...row, price: undefined })],
  ["extraField", (row) => ({ ...row, note: 1 })],
  ["notFinite", (row) => ({ ...row, load: "NaN" })],
  ["outOfRange", (row) => ({ ...row, load: 101 })],
  ["badUtf8", (row) => ({ ...row, place: "café" })],
  ["hugeValue", (row) => ({ ...row, price: 1e39 })],
  ["duplicateId", (row) => ({ ...row, key: "row-0" })],
  ["futureTime", (row) => ({ ...row, at: Date.now() + 3_600_000 })],
];

/** Kinds of broken rows that a sender can bring about in one row. */
export const BROKEN_KINDS: readonly string[] = BREAKS.map(([kind]) => kind);

/** So many rows, one in twenty broken, each kind in turn; the class follows from the numbers. */
export function journeyRows(count: number): readonly JourneyRow[] {
  return Array.from({ length: count }, (_, i) => {
    const load = (i * 37) % 101;
    const right: SentRow = {
      ...{ key: `row-${i}`, at: Date.now() - 10_000 + i, load, price: (i * 13) % 7 },
      ...{ place: "cafe", y: load > 50 ? "high" : "low" },
    };
    const broken = i % 20 === 19 ? BREAKS[Math.floor(i / 20) % BREAKS.length] : undefined;
    const [kind, change] = broken ?? [null, (row: SentRow) => row];
    const text = JSON.stringify(change(right)).replace('"NaN"', "NaN");
    return { right, kind, sent: Buffer.from(text, kind === "badUtf8" ? "latin1" : "utf8") };
  });
}

/** Writes a configuration whose model learns the class of such rows. */
export function writeRowsConfig(folder: string, source: string): void {
  const program = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
  writeFileSync(
    path.join(folder, "everfresh.config.ts"),
    `import { adam, classes, defineModel, kafkaTopic, mlp, natsStream, pipeline, proactive, push,
       rawFeaturesOf, sparse, uniformSampling } from ${JSON.stringify(program)};
     const schema = { columns: [
       { name: "key", kind: "id" }, { name: "at", kind: "eventTime" },
       { name: "load", kind: "number", min: 0, max: 100 }, { name: "price", kind: "number" },
       { name: "place", kind: "category", bytesMax: 8 },
       { name: "y", kind: "label", classes: ["low", "high"] } ] };
     export default defineModel({ name: "rows",
       model: ({ seed }) => mlp({ inputs: 2, hidden: [8], outputs: 2, seed }),
       input: pipeline({ raw: rawFeaturesOf(schema), branches: [
         { columns: ["load", "price"], steps: [{ kind: "standardise" }] } ] }),
       target: classes(2), source: ${source},
       strategy: proactive({ triggerSize: 8, batchSize: 32 }),
       optimizer: adam({ learningRate: 2e-2 }), deploy: sparse({ ratio: 0.3 }) });`,
  );
}

/** A run with a replica that follows it. */
export interface RowsRun {
  readonly state: string;
  /** Address of the model. */
  readonly model: string;
  status(): Promise<ModelStatus>;
  /** Resolves once training has taken up so many samples, but for fewer than a step needs. */
  learned(samples: number): Promise<ModelStatus>;
  /** Runs \`everfresh ARGS --state STATE --json\`, and gives its document. */
  ask<Document>(...args: readonly string[]): Promise<Document>;
  /** Ends it as Ctrl-C does; the replica has the same bits then. */
  end(): Promise<void>;
}

/** Starts the configuration of a folder, and a replica. */
export async function startRows(folder: string): Promise<RowsRun> {
  const state = path.join(folder, "state");
  const trainer = start(["run", "--port", "0", "--state", state, "--json"], folder);
  const [, address = ""] = await trainer.shows(/ws(:\/\/\S+\/v1\/models\/rows)/);
  const model = `http${address}`;
  const replica = start(["replica", `ws${address}`, "--json"]);
  await replica.shows(/joined rows/);
  const status = async (): Promise<ModelStatus> =>
    (await (await fetch(model)).json()) as ModelStatus;
  return {
    ...{ state, model, status },
    learned: async (samples) => {
      const left = async (): Promise<number> => samples - (await status()).samples;
      await expect.poll(left, { timeout: 60_000, interval: 50 }).toBeLessThan(8);
      return status();
    },
    ask: (...args) =>
      documentOf([
        ...args,
        ...["--state", state, "--config", path.join(folder, "everfresh.config.ts")],
      ]),
    end: () => endInStep(trainer, replica, status),
  };
}

async function endInStep(
  trainer: Program,
  replica: Program,
  status: () => Promise<ModelStatus>,
): Promise<void> {
  const behind = async (): Promise<number> => {
    const { version, replicas } = await status();
    return version - (replicas[0]?.version ?? 0);
  };
  await expect.poll(behind, { timeout: 30_000, interval: 50 }).toBe(0);
  const { version, fingerprint, replicas } = await status();
  expect(replicas).toMatchObject([{ version, fingerprint }]);
  for (const program of [trainer, replica]) {
    program.child.kill("SIGINT");
    const { status: ended, stderr } = await program.ended;
    expect(ended, stderr).toBe(0);
  }
}

/** The ids of the history that a run has left, in their order. */
export async function idsIn(state: string): Promise<readonly string[]> {
  await using history = await openHistory({ file: path.join(state, "everfresh.sqlite") });
  return (await history.range(0, history.count())).map(({ id }) => id);
}

/** Mended lines of \`quarantine export\`: each row as it should have been. */
export function mended(exported: string, rows: readonly JourneyRow[]): string {
  const byText = new Map(rows.map(({ sent, right }) => [Buffer.from(sent).toString(), right]));
  const lines = exported.trim().split("\n");
  return lines
    .map((line) => {
      const { number, row, text, base64 } = JSON.parse(line) as {
        readonly number: number;
        readonly row?: SentRow;
        readonly text?: string;
        readonly base64?: string;
      };
      const sent = text ?? (base64 === undefined ? JSON.stringify(row) : bytesIn(base64));
      return JSON.stringify({ number, row: byText.get(sent) });
    })
    .join("\n");
}

function bytesIn(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}
