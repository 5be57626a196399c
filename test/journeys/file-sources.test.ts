/** Every other kind of file end to end: samples in, model learns, replica follows. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Features, Random } from "@everfresh/core";
import {
  adam,
  classes,
  defineModel,
  imageFolder,
  jsonLines,
  lenet5,
  mlp,
  type ModelDefinition,
  parquet,
  pipeline,
  proactive,
  rawFeaturesOf,
  type SourceFactory,
  sparse,
  type TableSchema,
} from "everfresh";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { followedRun } from "./followed-run.ts";
import { parquetFile } from "./parquet-file.ts";
import { temporaryFolder } from "./program.ts";

const ROWS = 4_000;
const IMAGES_PER_CLASS = 35;
const [WIDTH, HEIGHT] = [22, 20];

const SCHEMA: TableSchema = {
  columns: [
    { name: "load", kind: "number" },
    { name: "price", kind: "number" },
    { name: "day", kind: "category", bytesMax: 16 },
    { name: "peak", kind: "label", classes: ["no", "yes"] },
  ],
};

/** Numbers far from 0 and far from each other, and a category that tells something. */
function rows(): readonly { load: number; price: number; day: string; peak: string }[] {
  const random = new Random(4);
  return Array.from({ length: ROWS }, () => {
    const isPeak = random.float() < 0.4;
    return {
      load: 5_000 + 300 * random.normal(isPeak ? 1 : 0),
      price: 0.001 * random.normal(isPeak ? 2 : 1),
      day: random.float() < (isPeak ? 0.8 : 0.4) ? "workday" : "weekend",
      peak: isPeak ? "yes" : "no",
    };
  });
}

function tableModel(source: SourceFactory): ModelDefinition {
  return defineModel({
    name: "load",
    model: ({ seed }) => mlp({ inputs: 5, hidden: [8], outputs: 2, seed }),
    input: pipeline({
      raw: rawFeaturesOf(SCHEMA),
      branches: [
        { columns: ["load"], steps: [{ kind: "standardise", memorySamples: 1_000 }] },
        { columns: ["price"], steps: [{ kind: "minMax", low: -1, high: 1 }] },
        {
          columns: ["day"],
          encoder: { kind: "oneHot", categories: [["workday", "weekend"]], other: true },
        },
      ],
    }),
    target: classes(2),
    source,
    strategy: proactive({ triggerSize: 16, batchSize: 64 }),
    optimizer: adam({ learningRate: 1e-2 }),
    deploy: sparse({ ratio: 0.2 }),
  });
}

/** Ten classes of images: a bright bar, at another height for each. */
async function writeImages(folder: string): Promise<void> {
  const random = new Random(6);
  for (let label = 0; label < 10; label++) {
    const directory = path.join(folder, `bar-${label}`);
    await mkdir(directory, { recursive: true });
    for (let n = 0; n < IMAGES_PER_CLASS; n++) {
      const pixels = Buffer.from(
        Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
          const row = Math.floor(i / WIDTH);
          return random.below(60) + (Math.floor(row / 2) === label ? 150 : 0);
        }),
      );
      const raw = { width: WIDTH, height: HEIGHT, channels: 1 as const };
      await writeFile(
        path.join(directory, `${n}.png`),
        await sharp(pixels, { raw }).png().toBuffer(),
      );
    }
  }
}

function imageModel(directory: string): ModelDefinition {
  return defineModel({
    name: "bars",
    model: ({ seed }) => lenet5({ seed }),
    input: pipeline({
      raw: { kind: "image", width: WIDTH, height: HEIGHT, channels: 1 },
      branches: [{ steps: [{ kind: "resize", width: 28, height: 28 }, { kind: "standardise" }] }],
      augmentation: { flip: true, brightness: 0.1 },
    }),
    target: classes(10),
    source: imageFolder({ directory, channels: 1 }),
    strategy: proactive({ triggerSize: 8, batchSize: 64 }),
    optimizer: adam({ learningRate: 2e-3 }),
    deploy: sparse({ ratio: 0.1 }),
  });
}

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const at = (name: string): string => path.join(folder.path, name);

beforeAll(async () => {
  const table = rows();
  await writeFile(at("load.jsonl"), table.map((row) => JSON.stringify(row)).join("\n"));
  const columns = parquetFile({
    load: table.map(({ load }) => load),
    price: table.map(({ price }) => price),
    day: table.map(({ day }) => day),
    peak: table.map(({ peak }) => peak),
  });
  await writeFile(at("load.parquet"), columns);
  await writeImages(at("bars"));
});

it.each([
  ["JSON lines", () => tableModel(jsonLines({ file: at("load.jsonl"), schema: SCHEMA })), 60],
  ["Parquet", () => tableModel(parquet({ file: at("load.parquet"), schema: SCHEMA })), 60],
  ["a folder of images", () => imageModel(at("bars")), 30],
] as const)(
  "learns from %s, and a replica answers as the trainer would",
  { timeout: 120_000 },
  async (_name, of, steps) => {
    const definition = of();
    const source = await definition.source({ directory: folder.path, databaseFile: at("none") });
    const asked: Features[] = [];
    for await (const { features } of source.read()) if (asked.push(features) >= 10) break;
    const { status, statistics } = await followedRun(definition, { steps, asked });
    expect(status.steps).toBe(steps);
    expect(statistics.length).toBeGreaterThan(5);
    expect(new Set(statistics.map((known) => known.map(String).join(";"))).size).toBe(
      statistics.length,
    );
    const { accuracy, majorityAccuracy } = status.scores!.deployed.cumulative;
    expect(accuracy).toBeGreaterThan(majorityAccuracy! + 0.1);
  },
);
