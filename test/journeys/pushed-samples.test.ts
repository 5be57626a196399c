/** Samples that others send end to end: samples in, model learns, replica follows. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  HAS_KCAT,
  KafkaTestCluster,
  KCAT,
} from "../../packages/streams/src/broker/kafka-cluster.fixture.ts";
import {
  HAS_NATS_SERVER,
  NATS_SERVER,
  NatsTestServer,
} from "../../packages/streams/src/broker/nats-server.fixture.ts";
import type { ErasureReport } from "../../packages/everfresh/src/samples/erasure-report.ts";
import { runHere } from "./in-process.ts";
import { temporaryFolder } from "./program.ts";
import {
  BROKEN_KINDS,
  idsIn,
  type JourneyRow,
  journeyRows,
  mended,
  startRows,
  writeRowsConfig,
} from "./pushed-rows.ts";

/** Of these 304 are right: whole steps of 8. */
const COUNT = 320;
const LINES = { "content-type": "application/x-ndjson" };

interface Quarantined {
  readonly waiting: number;
  readonly rows: readonly { readonly kind: string; readonly reason: string }[];
}

const linesOf = (rows: readonly JourneyRow[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(rows.flatMap(({ sent }) => [sent, Buffer.from("\n")])));
const keysOf = (rows: readonly JourneyRow[]): readonly string[] =>
  rows.map(({ right }) => String(right["key"]));

describe("samples that are pushed by HTTP", () => {
  it("are learned; broken ones are listed, mended, and learned too; erased ones are gone", async () => {
    using folder = temporaryFolder();
    writeRowsConfig(folder.path, "push({ schema, labelsFollow: false })");
    const rows = journeyRows(COUNT);
    const good = rows.filter(({ kind }) => kind === null);
    const rowsRun = await startRows(folder.path);
    const { model } = rowsRun;
    const post = (body: Uint8Array<ArrayBuffer>, headers = {}): Promise<Response> =>
      fetch(`${model}/samples`, { method: "POST", headers: { ...LINES, ...headers }, body });
    // A gzip that lost its end is refused whole, and sent again.
    const packed = new Uint8Array(gzipSync(linesOf(rows.slice(0, 60))));
    const gzip = { "content-encoding": "gzip" };
    expect((await post(packed.slice(0, -12), gzip)).status).toBe(400);
    expect((await post(packed, gzip)).status).toBe(202);
    for (let at = 60; at < COUNT; at += 100) {
      expect((await post(linesOf(rows.slice(at, at + 100)))).status).toBe(202);
    }
    // Sent again, nothing is taken twice.
    const again = (await (await post(linesOf(rows.slice(100, 200)))).json()) as object;
    expect(again).toMatchObject({ accepted: 0, duplicates: 95 });
    const { scores } = await rowsRun.learned(good.length);
    expect(scores).not.toBeNull();

    const listed = await rowsRun.ask<Quarantined>("quarantine", "list");
    expect(listed.waiting).toBe(COUNT / 20);
    expect(new Set(listed.rows.map(({ kind }) => kind))).toEqual(new Set(BROKEN_KINDS));
    for (const { reason } of listed.rows) expect(reason).not.toBe("");
    const exported = await runHere(["quarantine", "export", "--state", rowsRun.state]);
    const fixed = path.join(folder.path, "fixed.jsonl");
    writeFileSync(fixed, mended(exported.stdout, rows));
    const replay = await rowsRun.ask("quarantine", "replay", "--fixed", fixed);
    expect(replay).toEqual({ replayed: COUNT / 20, broken: [] });
    await rowsRun.learned(COUNT);

    const erased = await rowsRun.ask<ErasureReport>("erase", "row-7", "--yes");
    expect(erased).toMatchObject({ erased: true, position: 7, inbox: true });
    expect(erased.learned?.versions).toHaveLength(1);
    expect(erased.learned?.uses[0]).toMatchObject({ step: 1, times: 1 });
    await rowsRun.end();
    const ids = await idsIn(rowsRun.state);
    expect(ids.slice(0, good.length)).toEqual(
      keysOf(good).map((id) => (id === "row-7" ? "everfresh:erased:7" : id)),
    );
    expect(new Set(ids.slice(good.length))).toEqual(
      new Set(keysOf(rows.filter(({ kind }) => kind !== null))),
    );
  }, 120_000);
});

describe.runIf(HAS_NATS_SERVER)(`messages of a NATS stream, with ${NATS_SERVER}`, () => {
  it("are learned, and a replica follows", async () => {
    await using server = await NatsTestServer.start();
    using folder = temporaryFolder();
    await server.publish("rows", []);
    writeRowsConfig(
      folder.path,
      `natsStream({ servers: "${server.url}", stream: "rows", name: "rows", schema })`,
    );
    await learnsFrom(folder.path, (rows) => server.publish("rows", rows));
  }, 120_000);
});

describe.runIf(HAS_KCAT)(`messages of a Kafka topic, with the mock cluster of ${KCAT}`, () => {
  it("are learned, and a replica follows", async () => {
    await using cluster = await KafkaTestCluster.start();
    using folder = temporaryFolder();
    const publish = (rows: readonly Uint8Array[]): Promise<void> =>
      cluster.publish(
        "rows",
        0,
        rows.map((row) => ({ value: Buffer.from(row) })),
      );
    await publish([Buffer.from("{}")]);
    writeRowsConfig(
      folder.path,
      `kafkaTopic({ brokers: ["${cluster.broker}"], topic: "rows", name: "rows", schema })`,
    );
    await learnsFrom(folder.path, publish, 1);
  }, 120_000);
});

/** Sends rows to a broker while a run reads there; some were broken before. */
async function learnsFrom(
  folder: string,
  publish: (rows: readonly Uint8Array[]) => Promise<void>,
  brokenBefore = 0,
): Promise<void> {
  const rows = journeyRows(COUNT);
  const good = rows.filter(({ kind }) => kind === null);
  await publish(rows.slice(0, 100).map(({ sent }) => sent));
  const rowsRun = await startRows(folder);
  await publish(rows.slice(100).map(({ sent }) => sent));
  await rowsRun.learned(good.length);
  const listed = await rowsRun.ask<Quarantined>("quarantine", "list");
  expect(listed.waiting).toBe(COUNT / 20 + brokenBefore);
  const { replicas, version } = await rowsRun.status();
  expect(version).toBeGreaterThan(30);
  expect(replicas).toHaveLength(1);
  await rowsRun.end();
  expect(await idsIn(rowsRun.state)).toEqual(keysOf(good));
}
