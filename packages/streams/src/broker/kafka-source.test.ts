import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, type Sample } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import {
  DIRTY_NOW_MS,
  DIRTY_SCHEMA,
  jsonOf,
  rightRow,
  writtenRows,
} from "../sources/dirty-rows.fixture.ts";
import type { Arrival } from "../sources/following.ts";
import type { Source } from "../sources/source.ts";
import type { BrokerSource } from "./broker-source.ts";
import { HAS_KCAT, KafkaTestCluster, KCAT, PARTITIONS } from "./kafka-cluster.fixture.ts";
import { kafkaSource, type KafkaSourceOptions } from "./kafka-source.ts";

const clock = new ManualClock(DIRTY_NOW_MS);
const quarantine = memoryQuarantine({ clock });

let directory = "";
let files = 0;
const nextFile = (): string => join(directory, `inbox-${files++}.sqlite`);

const valuesOf = (from: number, to: number): readonly { readonly value: string }[] =>
  Array.from({ length: to - from }, (_, i) => ({ value: JSON.stringify(rightRow(from + i)) }));
const keys = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => `key-${from + i}`);
const idsOf = (samples: readonly Sample[]): readonly string[] => samples.map(({ id }) => id);

async function take(source: Source, count: number, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read({ from })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}

// The cluster waits 3 seconds before it lets the first one of a group read: so all wait together.
describe.runIf(HAS_KCAT)(
  `messages of a Kafka topic, with the mock cluster of ${KCAT}`,
  { concurrent: true },
  () => {
    let cluster: KafkaTestCluster;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "everfresh-kafka-"));
      cluster = await KafkaTestCluster.start();
    });
    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    });

    const open = (
      topic: string,
      options: Partial<KafkaSourceOptions> = {},
    ): Promise<BrokerSource> =>
      kafkaSource({
        ...{ brokers: [cluster.broker], topic, file: nextFile(), name: "rows" },
        ...{ schema: DIRTY_SCHEMA, clock, quarantine },
        ...options,
      });

    it("are samples in the order of each partition, labels follow, broken ones are listed", async () => {
      const broken = Array.from({ length: 10 }, (_, i) => [3 + i * 17, i] as const);
      const rows = writtenRows(200, broken);
      const dirty = [...rows.map((row) => ({ value: jsonOf(row) })), { value: null }];
      await cluster.publish("many", 3, dirty);
      for (const partition of [1, 2]) {
        await cluster.publish(
          "many",
          partition,
          valuesOf(partition * 1_000, partition * 1_000 + 50),
        );
      }
      const unlabelled = (i: number): string => JSON.stringify({ ...rightRow(i), y: undefined });
      await cluster.publish("many", 0, [
        { value: unlabelled(3_000) },
        { value: JSON.stringify(rightRow(3_001)) },
        {
          value: JSON.stringify({ key: "key-3000", y: "no" }),
          headers: { "Everfresh-Kind": "label" },
        },
      ]);
      await using own = memoryQuarantine({ clock });
      const good = rows.filter((row) => row.broken === null).map(({ i }) => `key-${i}`);
      // Each sample, and then its label.
      const count = 2 * (good.length + 102);
      await using source = await open("many", {
        ...{ quarantine: own, labelsFollow: true, samplesMax: count },
      });
      const reading = source.following!.read()[Symbol.asyncIterator]();
      const arrivals = await next(reading, count);
      const samplesIn = (some: readonly Arrival[]): readonly string[] =>
        some.flatMap((each) => (each.kind === "sample" ? [each.sample.id] : []));
      const from = (least: number): readonly string[] =>
        samplesIn(arrivals).filter((id) => Math.floor(Number(id.slice(4)) / 1_000) === least);
      expect(PARTITIONS).toBe(4);
      expect(from(0)).toEqual(good);
      for (const partition of [1, 2]) {
        expect(from(partition)).toEqual(keys(partition * 1_000, partition * 1_000 + 50));
      }
      expect(from(3)).toEqual(["key-3000", "key-3001"]);
      const labels = arrivals.flatMap((each) => (each.kind === "label" ? [each.id] : []));
      expect(labels.filter((id) => /^key-300/.test(id))).toEqual(["key-3001", "key-3000"]);
      const place = arrivals.find(
        (each) => each.kind === "sample" && each.sample.id === "key-2017",
      )?.place;
      expect(await source.origin(place ?? -1)).toBe("many 2:17");
      const listed = await own.list();
      expect(listed.map(({ place, fault }) => [place, fault.kind])).toEqual([
        ...rows.flatMap((row) => (row.broken === null ? [] : [[`many 3:${row.i}`, row.broken[0]]])),
        ["many 3:200", "syntax"],
      ]);

      // The inbox is full: what comes now waits in the cluster until there is room.
      await cluster.publish("many", 1, valuesOf(1_050, 1_090));
      await source.release(count);
      expect(samplesIn(await next(reading, 80))).toEqual(keys(1_050, 1_090));
      await reading.return?.();
    });

    it("come once over restarts, in the order of before, also to an older inbox", async () => {
      const [file, backup] = [nextFile(), nextFile()];
      for (const partition of [0, 1]) {
        await cluster.publish("twice", partition, valuesOf(partition * 100, partition * 100 + 20));
      }
      let first: readonly Sample[];
      {
        await using source = await open("twice", { file, group: "one" });
        first = await take(source, 40);
      }
      await copyFile(file, backup);
      await cluster.publish("twice", 1, valuesOf(120, 130));
      {
        await using source = await open("twice", { file, group: "two" });
        const all = await take(source, 50);
        expect(all.slice(0, 40)).toEqual(first);
        expect(idsOf(all.slice(40))).toEqual(keys(120, 130));
      }
      // The group has committed what this inbox does not have.
      await using restored = await open("twice", { file: backup, group: "two" });
      expect(idsOf(await take(restored, 10, 40))).toEqual(keys(120, 130));
      expect(restored.counts()).toMatchObject({ count: 50, duplicates: 0 });
    });

    it("are an error when they are gone, or the cluster or the samples before are", async () => {
      await cluster.publish("gone", 0, valuesOf(0, 5));
      const file = nextFile();
      {
        await using source = await open("gone", { file });
        await take(source, 5);
      }
      // Another cluster has another topic of this name.
      await using other = await KafkaTestCluster.start();
      await other.publish("gone", 0, valuesOf(0, 2));
      const brokers = [other.broker];
      await expect(open("gone", { file, brokers })).rejects.toMatchObject({
        code: "EF_BROKER_GAP",
      });
      await expect(open("gone", { file, brokers })).rejects.toThrow(
        "ends at 2, and was read up to 5",
      );
      await using fresh = await open("gone");
      await expect(take(fresh, 1, 3)).rejects.toMatchObject({ code: "EF_BROKER_GAP" });
      const away = open("gone", { brokers: ["127.0.0.1:1"] });
      await expect(away).rejects.toMatchObject({ code: "EF_BROKER_UNREACHABLE" });
    });
  },
);

async function next<Item>(reading: AsyncIterator<Item>, count: number): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let i = 0; i < count; i++) items.push((await reading.next()).value as Item);
  return items;
}
