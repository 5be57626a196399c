import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, type Sample } from "@everfresh/core";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import {
  DIRTY_NOW_MS,
  DIRTY_SCHEMA,
  jsonOf,
  rightRow,
  writtenRows,
} from "../sources/dirty-rows.fixture.ts";
import { sourceConformance } from "../sources/source.conformance.ts";
import type { Source } from "../sources/source.ts";
import type { BrokerSource } from "./broker-source.ts";
import { HAS_NATS_SERVER, NATS_SERVER, NatsTestServer } from "./nats-server.fixture.ts";
import { natsSource, type NatsSourceOptions } from "./nats-source.ts";

const clock = new ManualClock(DIRTY_NOW_MS);
const quarantine = memoryQuarantine({ clock });

let directory = "";
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-nats-inbox-"));
});
afterAll(() => rm(directory, { recursive: true }));
const nextFile = (): string => join(directory, `inbox-${files++}.sqlite`);

/** A stream of its own. */
class Stream {
  readonly server: NatsTestServer;
  readonly name: string;

  constructor(server: NatsTestServer, name: string) {
    this.server = server;
    this.name = name;
  }

  async make(retention: "limits" | "interest" | "workqueue" = "limits"): Promise<void> {
    const connection = await connect({ servers: this.server.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: this.name, subjects: [`${this.name}.>`], retention });
    await connection.close();
  }

  async publish(bodies: readonly (Uint8Array | string)[], kind?: string): Promise<void> {
    const connection = await connect({ servers: this.server.url });
    const client = jetstream(connection);
    for (const body of bodies) {
      const head = headers();
      if (kind !== undefined) head.set("Everfresh-Kind", kind);
      await client.publish(`${this.name}.row`, body, { headers: head });
    }
    await connection.close();
  }

  async purge(upTo: number): Promise<void> {
    const connection = await connect({ servers: this.server.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.purge(this.name, { seq: upTo + 1 });
    await connection.close();
  }

  open(options: Partial<NatsSourceOptions> = {}): Promise<BrokerSource> {
    return natsSource({
      ...{ servers: this.server.url, stream: this.name, file: nextFile(), name: "rows" },
      ...{ schema: DIRTY_SCHEMA, clock, quarantine },
      ...options,
    });
  }
}

const rowsOf = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => JSON.stringify(rightRow(from + i)));
const keys = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => `key-${from + i}`);

async function take(source: Source, count: number, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read({ from })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}
const idsOf = (samples: readonly Sample[]): readonly string[] => samples.map(({ id }) => id);

describe.runIf(HAS_NATS_SERVER)(`messages of a NATS stream, with ${NATS_SERVER}`, () => {
  let server: NatsTestServer;
  let full: Stream;
  beforeAll(async () => {
    server = await NatsTestServer.start();
    full = new Stream(server, "full");
    await full.make();
    await full.publish(rowsOf(0, 160));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  sourceConformance("NATS", () => full.open());

  it("are samples in the order of the stream, whose places are kept with them", async () => {
    const stream = new Stream(server, "ordered");
    await stream.make();
    await stream.publish(rowsOf(0, 3));
    await using source = await stream.open();
    const reading = take(source, 6);
    await stream.publish(["{", ...rowsOf(3, 6)]);
    expect(idsOf(await reading)).toEqual(keys(0, 6));
    const origins = await Promise.all([0, 2, 3, 5].map((at) => source.origin(at)));
    expect(origins).toEqual(["ordered 1", "ordered 3", "ordered 5", "ordered 7"]);
    const { fault, place } = (await quarantine.list({ limit: 1_000 })).at(-1)!;
    expect([fault.kind, place]).toEqual(["syntax", "ordered 4"]);
  });

  it("may be labels of samples by their id, and have their place as an id and their time", async () => {
    const stream = new Stream(server, "labelled");
    await stream.make();
    const columns = DIRTY_SCHEMA.columns;
    await stream.publish([JSON.stringify({ ...rightRow(0), y: undefined }), ...rowsOf(1, 2)]);
    await stream.publish([JSON.stringify({ key: "key-0", y: "no" })], "label");
    await using source = await stream.open({ labelsFollow: true });
    const came: unknown[] = [];
    for await (const arrival of source.following!.read()) {
      came.push(arrival.kind === "sample" ? arrival.sample.id : [arrival.id, arrival.label]);
      if (came.length === 4) break;
    }
    expect(came).toEqual(["key-0", "key-1", ["key-1", 0], ["key-0", 0]]);
    const nameless = columns.filter(({ kind }) => kind !== "id" && kind !== "eventTime");
    await using plain = await stream.open({ schema: { columns: nameless, extra: "ignore" } });
    const [sample] = await take(plain, 1);
    expect(sample?.id).toBe("rows-2");
    expect(Math.abs(Date.now() - (sample?.eventTimeMs ?? 0))).toBeLessThan(600_000);
  });

  it("come exactly once, in order, over killed servers, restarted readers and older inboxes", async () => {
    for (const retention of ["limits", "interest", "workqueue"] as const) {
      await using own = await NatsTestServer.start();
      const stream = new Stream(own, "killed");
      await stream.make(retention);
      const file = nextFile();
      // With retention by interest, what is published before somebody reads is gone.
      let source = await stream.open({ file });
      let read = 0;
      const first = take(source, 1);
      while (!(await hasConsumer(stream, retention))) await Promise.resolve();
      for (let life = 0; life < 4; life++) {
        await stream.publish(rowsOf(life * 20, life * 20 + 20));
        if (life === 0) expect(idsOf(await first)).toEqual(["key-0"]);
        // Some of what is fetched is read, and the reader leaves.
        const some = 7 + life;
        expect(idsOf(await take(source, some, read))).toEqual(keys(read, read + some));
        read += some;
        if (life % 2 === 0) {
          const reading = take(source, (life + 1) * 20 - read, read);
          await own.kill();
          await own.start();
          expect(idsOf(await reading)).toEqual(keys(read, (life + 1) * 20));
          read = (life + 1) * 20;
        } else {
          await source[Symbol.asyncDispose]();
          source = await stream.open({ file });
        }
      }
      expect(idsOf(await take(source, 80))).toEqual(keys(0, 80));
      expect(source.counts()).toMatchObject({ count: 80, quarantined: 0 });
      await source[Symbol.asyncDispose]();
    }
  });

  it("go on where an inbox stands that is older than what the server was told", async () => {
    const stream = new Stream(server, "restored");
    await stream.make();
    await stream.publish(rowsOf(0, 40));
    const [file, backup] = [nextFile(), nextFile()];
    {
      await using source = await stream.open({ file });
      await take(source, 10);
    }
    await copyFile(file, backup);
    await stream.publish(rowsOf(40, 90));
    {
      await using source = await stream.open({ file });
      expect(idsOf(await take(source, 90))).toEqual(keys(0, 90));
    }
    await using restored = await stream.open({ file: backup });
    expect(idsOf(await take(restored, 90))).toEqual(keys(0, 90));
  });

  it("wait at the server while the inbox has no room", async () => {
    const stream = new Stream(server, "narrow");
    await stream.make();
    await stream.publish(rowsOf(0, 120));
    await using source = await stream.open({ samplesMax: 500 });
    const seen: string[] = [];
    for await (const { id } of source.read()) {
      seen.push(id);
      if (seen.length === 120) break;
    }
    expect(seen).toEqual(keys(0, 120));
    await using narrow = await stream.open({ file: nextFile(), samplesMax: 120 });
    await take(narrow, 120);
    await stream.publish(rowsOf(120, 200));
    const rest = take(narrow, 80, 120);
    await narrow.release(120);
    expect(idsOf(await rest)).toEqual(keys(120, 200));
    expect(narrow.counts()).toMatchObject({ count: 200, released: 120 });
  });

  it("go to the quarantine when they are broken, each with its reason", async () => {
    const stream = new Stream(server, "dirty");
    await stream.make();
    const rows = writtenRows(
      200,
      Array.from({ length: 10 }, (_, i) => [3 + i * 17, i]),
    );
    await stream.publish(rows.map(jsonOf));
    await using own = memoryQuarantine({ clock });
    await using source = await stream.open({ quarantine: own });
    const good = rows.filter(({ broken }) => broken === null);
    expect(idsOf(await take(source, good.length))).toEqual(good.map(({ i }) => `key-${i}`));
    expect((await own.list()).map(({ place, fault }) => [place, fault.kind])).toEqual(
      rows.flatMap(({ i, broken }) => (broken === null ? [] : [[`dirty ${i + 1}`, broken[0]]])),
    );
    expect(Object.keys(await own.counts())).toHaveLength(9);
  });

  it("that are gone before they were read are an error, or skipped when told", async () => {
    const stream = new Stream(server, "gone");
    await stream.make();
    await stream.publish(rowsOf(0, 10));
    const file = nextFile();
    {
      await using source = await stream.open({ file });
      await take(source, 10);
    }
    await stream.publish(rowsOf(10, 30));
    await stream.purge(20);
    await expect(stream.open({ file })).rejects.toMatchObject({ code: "EF_BROKER_GAP" });
    await expect(stream.open({ file })).rejects.toThrow("messages 11 to 20 have not been read");
    await using source = await stream.open({ file, missing: "skip" });
    expect(idsOf(await take(source, 10, 10))).toEqual(keys(20, 30));
  });

  it("are not there without a server, a stream or the permission", async () => {
    const absent = new Stream(server, "absent");
    await expect(absent.open()).rejects.toMatchObject({ code: "EF_BROKER_MISSING" });
    const servers = "nats://me:secret@127.0.0.1:1";
    const away = absent.open({ servers });
    await expect(away).rejects.toMatchObject({ code: "EF_BROKER_UNREACHABLE" });
    await expect(away).rejects.not.toThrow("secret");
    await using closed = await NatsTestServer.start('authorization { user: "a", password: "b" }');
    const refused = new Stream(closed, "any").open({ user: "a", password: "c" });
    await expect(refused).rejects.toMatchObject({ code: "EF_BROKER_UNAUTHORIZED" });
  });

  it("that stop for good stop their reader", async () => {
    const own = await NatsTestServer.start();
    const stream = new Stream(own, "removed");
    await stream.make();
    await stream.publish(rowsOf(0, 2));
    await using source = await stream.open();
    const reading = source.read()[Symbol.asyncIterator]();
    await reading.next();
    await reading.next();
    const next = reading.next();
    const connection = await connect({ servers: own.url });
    await (await jetstreamManager(connection)).streams.delete("removed");
    await connection.close();
    await expect(next).rejects.toMatchObject({ code: "EF_BROKER_MISSING" });
    await own[Symbol.asyncDispose]();
  });
});

/** Whether the stream has a consumer, where that matters. */
async function hasConsumer(stream: Stream, retention: string): Promise<boolean> {
  if (retention !== "interest") return true;
  const connection = await connect({ servers: stream.server.url });
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(stream.name);
  await connection.close();
  return state.consumer_count > 0;
}
