import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { classes, type EverfreshError } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idx, type IdxOptions } from "./idx.ts";
import { sourceConformance } from "./source.conformance.ts";

const COUNT = 200;
const ROWS = 3;
const COLUMNS = 4;

let directory = "";
let options: IdxOptions = { images: "", labels: "" };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-idx-"));
  options = await pair(imagesFile(COUNT), labelsFile(COUNT));
});
afterAll(() => rm(directory, { recursive: true }));

sourceConformance("idx", () => idx(options), { directory: () => directory });

describe("idx", () => {
  it("gives the pixels and labels of the files, named after the image file", async () => {
    const source = await idx(options);
    expect(source.name).toBe("images");
    expect(source.schema.features).toEqual({ dtype: "uint8", shape: [1, ROWS, COLUMNS] });
    expect(source.size).toBe(COUNT);
    for await (const sample of source.read({ from: 7 })) {
      expect(sample).toMatchObject({ id: "images-7", eventTimeMs: 7, label: 7 });
      expect(sample.features).toEqual(Uint8Array.from({ length: 12 }, (_, i) => 7 * 12 + i));
      break;
    }
  });

  it("finds out about gzip from the content, not from the name", async () => {
    const packed = await pair(gzipSync(imagesFile(COUNT)), gzipSync(labelsFile(COUNT)));
    const plain = await pair(imagesFile(COUNT), labelsFile(COUNT), ".gz");
    for (const files of [packed, plain]) {
      expect((await idx(files)).size).toBe(COUNT);
    }
  });

  it("takes labels of any target", async () => {
    const files = await pair(imagesFile(2), labelsFile(2, [0, 25]));
    expect((await idx({ ...files, target: classes(26) })).schema.target.count).toBe(26);
  });

  it("refuses a wrong magic number and says which one is right", async () => {
    const error = await failure(pair(labelsFile(3), labelsFile(3)));
    expect(error.code).toBe("EF_SOURCE_FORMAT");
    expect(error.message).toContain(join(directory, "images"));
    expect(error.details).toMatchObject({ found: 2049, expected: 2051 });
    expect(await failure(pair(imagesFile(3), imagesFile(3)))).toMatchObject({
      code: "EF_SOURCE_FORMAT",
      details: { found: 2051, expected: 2049 },
    });
  });

  it("refuses a truncated file at every length, and says how much is missing", async () => {
    const whole = imagesFile(2);
    for (let length = 0; length < whole.length; length++) {
      const error = await failure(pair(whole.subarray(0, length), labelsFile(2)));
      expect(error.code).toBe("EF_SOURCE_SIZE");
      expect(error.details).toMatchObject({ found: length, needed: length < 16 ? 16 : 40 });
    }
    const labels = labelsFile(2);
    const error = await failure(pair(imagesFile(2), labels.subarray(0, 9)));
    expect(error.message).toMatch(/labels" is truncated: 9 bytes found, 10 needed/);
  });

  it("refuses a file with more bytes than its header says", async () => {
    const error = await failure(pair(Buffer.concat([imagesFile(2), Buffer.of(0)]), labelsFile(2)));
    expect(error).toMatchObject({ code: "EF_SOURCE_SIZE", details: { found: 41, needed: 40 } });
  });

  it("refuses damaged and truncated gzip", async () => {
    const packed = gzipSync(imagesFile(COUNT));
    const damaged = Buffer.from(packed);
    damaged[packed.length - 6] = (damaged[packed.length - 6] ?? 0) ^ 0xff; // its checksum
    for (const bytes of [packed.subarray(0, packed.length - 20), damaged, packed.subarray(0, 12)]) {
      const error = await failure(pair(bytes, labelsFile(COUNT)));
      expect(error.code).toBe("EF_SOURCE_GZIP");
      expect(error.message).toContain(join(directory, "images"));
    }
  });

  it("refuses files of different counts", async () => {
    const error = await failure(pair(imagesFile(3), labelsFile(4)));
    expect(error.code).toBe("EF_SOURCE_COUNT");
    expect(error.message).toMatch(/3 images.*4 labels/);
  });

  it("refuses a label out of range and names its position and value", async () => {
    const error = await failure(pair(imagesFile(4), labelsFile(4, [1, 9, 10, 200])));
    expect(error.code).toBe("EF_SOURCE_LABEL");
    expect(error.details).toMatchObject({ position: 2, label: 10, classCount: 10 });
    expect(error.message).toMatch(/label 10 at position 2; labels are 0 to 9/);
  });

  it("refuses images without pixels", async () => {
    const header = imagesFile(0);
    header.writeUInt32BE(0, 8);
    expect((await failure(pair(header, labelsFile(0)))).code).toBe("EF_SOURCE_FORMAT");
  });

  it("says which file cannot be read", async () => {
    for (const images of [join(directory, "nowhere"), directory]) {
      const error = await failure(Promise.resolve({ ...options, images }));
      expect(error.code).toBe("EF_SOURCE_UNREADABLE");
      expect(error.message).toContain(images);
    }
  });

  it("gives one-line messages", async () => {
    const error = await failure(pair(labelsFile(3), labelsFile(3)));
    expect(error.message).not.toContain("\n");
  });
});

async function pair(images: Uint8Array, labels: Uint8Array, ending = ""): Promise<IdxOptions> {
  const files = {
    images: join(directory, `images${ending}`),
    labels: join(directory, `labels${ending}`),
  };
  await Promise.all([writeFile(files.images, images), writeFile(files.labels, labels)]);
  return files;
}

async function failure(files: Promise<IdxOptions>): Promise<EverfreshError> {
  return (await idx(await files).then(
    () => new Error("did not fail"),
    (error: unknown) => error,
  )) as EverfreshError;
}

function imagesFile(count: number): Buffer {
  const bytes = Buffer.alloc(16 + count * ROWS * COLUMNS);
  [2051, count, ROWS, COLUMNS].forEach((value, i) => bytes.writeUInt32BE(value, i * 4));
  for (let i = 16; i < bytes.length; i++) bytes[i] = (i - 16) & 255;
  return bytes;
}

function labelsFile(count: number, labels?: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 + count);
  bytes.writeUInt32BE(2049, 0);
  bytes.writeUInt32BE(count, 4);
  for (let i = 0; i < count; i++) bytes[8 + i] = labels?.[i] ?? i % 10;
  return bytes;
}
