import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@everfresh/core";
import { openQuarantine } from "@everfresh/streams";
import type { ConfigContext } from "./define-model.ts";
import {
  csv,
  digits,
  imageFolder,
  jsonLines,
  kafkaTopic,
  natsStream,
  parquet,
  push,
  rotated,
  sea,
} from "./source-factories.ts";

let directory = "";
const context = (): ConfigContext => ({
  directory,
  databaseFile: path.join(directory, "everfresh.sqlite"),
});
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "everfresh-factories-"));
  await writeFile(path.join(directory, "prices.csv"), "load,price,class\n1,2,up\n3,4,down\n");
});
afterAll(() => rm(directory, { recursive: true }));

describe("source factories", () => {
  it("find a table beside the configuration", async () => {
    const source = await csv({ file: "prices.csv", label: "class" })(context());
    expect(source).toMatchObject({ name: "prices", size: 2 });
    expect(source.schema.target.labels).toEqual(["down", "up"]);
  });

  it("find objects in lines, Parquet and images beside the configuration", async () => {
    const rows = ['{"load":1,"class":"up"}', '{"load":3,"class":"down"}'];
    await writeFile(path.join(directory, "prices.jsonl"), `${rows.join("\n")}\n`);
    const lines = await jsonLines({ file: "prices.jsonl", label: "class" })(context());
    expect(lines).toMatchObject({ name: "prices", size: 2 });
    const missing = { file: "prices.parquet", label: "class" };
    await expect(parquet(missing)(context())).rejects.toThrow(directory);
    await expect(imageFolder({ directory: "shots" })(context())).rejects.toThrow(
      path.join(directory, "shots"),
    );
  });

  it("put broken rows into a file beside the configuration, and read on", async () => {
    const rows = "load,class\n1,up\n?,down\n3,down\n";
    await writeFile(path.join(directory, "dirty.csv"), rows);
    const options = { file: "dirty.csv", label: "class", quarantine: "broken.sqlite" };
    expect((await csv(options)(context())).size).toBe(2);
    await using quarantine = await openQuarantine({
      file: path.join(directory, "broken.sqlite"),
      clock: systemClock,
    });
    const [row] = await quarantine.list();
    expect(row).toMatchObject({ source: "dirty", place: "line 3", fault: { kind: "wrongType" } });
  });

  it("open an inbox for samples that are pushed, beside the configuration", async () => {
    const schema = {
      columns: [
        { name: "id", kind: "id" },
        { name: "load", kind: "number" },
        { name: "class", kind: "label", classes: ["up", "down"] },
      ],
    } as const;
    const open = push({ inbox: "inbox.sqlite", schema });
    {
      await using source = await open(context());
      const samples = [{ id: "a", load: 1, class: "up" }, { id: "b" }];
      expect(await source.accept({ samples })).toMatchObject({ accepted: 1, quarantined: 1 });
    }
    await using source = await open(context());
    const reading = source.read()[Symbol.asyncIterator]();
    expect((await reading.next()).value).toMatchObject({ id: "a", label: 0 });
  });

  it("name a broker that is not there", async () => {
    const schema = {
      columns: [
        { name: "load", kind: "number" },
        { name: "class", kind: "label", classes: ["up", "down"] },
      ],
    } as const;
    const common = { name: "loads", schema };
    const stream = { ...common, inbox: "n.sqlite", servers: "nats://127.0.0.1:1", stream: "loads" };
    const code = "EF_BROKER_UNREACHABLE";
    await expect(natsStream(stream)(context())).rejects.toMatchObject({ code });
    const topic = { ...common, inbox: "k.sqlite", brokers: ["127.0.0.1:1"], topic: "loads" };
    await expect(kafkaTopic(topic)(context())).rejects.toMatchObject({ code });
  });

  it("open generated streams, and turn the images of any other", async () => {
    expect((await sea({ size: 7 })(context())).size).toBe(7);
    const plain = digits({ seed: 1, size: 3 });
    const turned = rotated(plain, { fromSample: 2, degrees: 90 });
    const before = await imagesOf(await plain(context()));
    const after = await imagesOf(await turned(context()));
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toEqual(before[2]);
  });
});

async function imagesOf(
  source: Awaited<ReturnType<ReturnType<typeof digits>>>,
): Promise<unknown[]> {
  const images: unknown[] = [];
  for await (const { features } of source.read()) images.push(features);
  return images;
}
