import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, type Sample } from "@everfresh/core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceFormatError, SourceSizeError, SourceUnreadableError } from "../errors.ts";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { replayQuarantine } from "../quarantine/replay.ts";
import { imageFolder } from "./image-folder.ts";
import type { Source } from "./source.ts";
import { sourceConformance } from "./source.conformance.ts";

const [WIDTH, HEIGHT] = [4, 3];

let directory = "";
let folders = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-images-"));
  await images("many", "cats", 60);
  await images("many", "dogs", 45);
});
afterAll(() => rm(directory, { recursive: true }));

/** Pixels of image `n`, red, green, blue in turn. */
const pixelsOf = (n: number): Uint8Array =>
  Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (n * 31 + i * 7) & 255);

function png(n: number): Promise<Buffer> {
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 as const };
  return sharp(pixelsOf(n), { raw }).png().toBuffer();
}

async function images(root: string, name: string, count: number): Promise<void> {
  const folder = join(directory, root, name);
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < count; n++) {
    await writeFile(join(folder, `${String(n).padStart(3, "0")}.png`), await png(n));
  }
}

sourceConformance("image folder", () => imageFolder({ directory: join(directory, "many") }), {
  directory: () => directory,
});

describe("a folder of images", () => {
  it("gives the pixels of lossless images exactly, as planes, with their folder as the class", async () => {
    const source = await imageFolder({ directory: join(directory, "many"), seed: null });
    expect(source).toMatchObject({ name: "many", size: 105 });
    expect(source.schema.features).toEqual({ dtype: "uint8", shape: [3, HEIGHT, WIDTH] });
    expect(source.schema.target.labels).toEqual(["cats", "dogs"]);
    const samples = await all(source);
    for (const [i, { features, label }] of samples.entries()) {
      const pixels = pixelsOf(i < 60 ? i : i - 60);
      const planes = [0, 1, 2].flatMap((c) => [...pixels.filter((_, k) => k % 3 === c)]);
      expect([...features]).toEqual(planes);
      expect(label).toBe(i < 60 ? 0 : 1);
    }
  });

  it("comes shuffled, in the same order for the same seed", async () => {
    const labels = async (seed: number): Promise<readonly number[]> =>
      (await all(await imageFolder({ directory: join(directory, "many"), seed }))).map(
        ({ label }) => label,
      );
    const order = await labels(1);
    expect(order.filter((label) => label === 0)).toHaveLength(60);
    expect(order.slice(0, 40)).toContain(1);
    expect(await labels(1)).toEqual(order);
    expect(await labels(2)).not.toEqual(order);
  });

  it("converts grey, transparent and 16-bit images, and colours to grey", async () => {
    const root = `kinds-${folders++}`;
    for (const name of ["a", "b"]) await mkdir(join(directory, root, name), { recursive: true });
    const write = (name: string, image: ReturnType<typeof sharp>): Promise<unknown> =>
      image.png().toFile(join(directory, root, name));
    const one = { width: 1, height: 1 };
    await write("a/1.png", sharp(Uint8Array.of(90), { raw: { ...one, channels: 1 } }));
    await write("a/2.png", sharp(Uint8Array.of(10, 20, 30, 0), { raw: { ...one, channels: 4 } }));
    await write(
      "b/3.png",
      sharp(Uint8Array.of(200, 200, 200), { raw: { ...one, channels: 3 } }).toColourspace("rgb16"),
    );
    const options = { directory: join(directory, root), seed: null };
    const colours = await all(await imageFolder(options));
    expect(colours.map(({ features }) => [...features])).toEqual([
      [90, 90, 90],
      [10, 20, 30],
      [200, 200, 200],
    ]);
    const grey = await all(await imageFolder({ ...options, channels: 1 }));
    expect(grey.map(({ features }) => features.length)).toEqual([1, 1, 1]);
    expect(grey[0]!.features[0]).toBe(90);
    // Its weights of red, green and blue are rounded.
    expect(Math.abs(grey[2]!.features[0]! - 200)).toBeLessThanOrEqual(1);
  });

  it("refuses images of another size, or makes them that size when told", async () => {
    const root = `sizes-${folders++}`;
    await images(root, "a", 1);
    await images(root, "b", 1);
    const raw = { width: 8, height: 3, channels: 3 as const };
    await sharp(new Uint8Array(72).fill(9), { raw })
      .png()
      .toFile(join(directory, root, "b", "9.png"));
    const options = { directory: join(directory, root) };
    await expect(imageFolder(options)).rejects.toThrow(SourceSizeError);
    await expect(imageFolder(options)).rejects.toThrow('9.png" has 8×3 pixels, not 4×3');
    for (const otherSizes of ["fill", "cover"] as const) {
      const samples = await all(await imageFolder({ ...options, seed: null, otherSizes }));
      expect([...samples[2]!.features]).toEqual(new Array(36).fill(9));
    }
    const small = await imageFolder({ ...options, width: 2, height: 2, otherSizes: "fill" });
    expect(small.schema.features.shape).toEqual([3, 2, 2]);
  });

  it("names the file that is no image, or ends too early", async () => {
    const root = `odd-${folders++}`;
    await images(root, "a", 1);
    await images(root, "b", 1);
    const options = { directory: join(directory, root), seed: null };
    const path = join(directory, root, "b", "zz.png");
    await writeFile(path, "no image");
    await expect(imageFolder(options)).rejects.toThrow(SourceFormatError);
    await expect(imageFolder(options)).rejects.toThrow("zz.png");
    // Its head is whole, so this is found when the image is decoded.
    const whole = await png(5);
    await writeFile(path, whole.subarray(0, whole.length - 30));
    const source = await imageFolder(options);
    await expect(all(source)).rejects.toThrow(SourceFormatError);
    await expect(all(source)).rejects.toThrow("zz.png");
  });

  it("leaves broken images out, lists each with its reason, and replays fixed ones", async () => {
    const root = `dirty-${folders++}`;
    await images(root, "a", 40);
    await images(root, "b", 40);
    const raw = { width: 8, height: 3, channels: 3 as const };
    const large = await sharp(new Uint8Array(72), { raw }).png().toBuffer();
    const whole = await sharp(pixelsOf(5), { raw: { ...raw, width: 4 } })
      .jpeg()
      .toBuffer();
    const broken = new Map<string, readonly [string, Uint8Array]>([
      ["a/000.png", ["syntax", Buffer.from("no image")]],
      ["a/017.png", ["truncated", whole.subarray(0, whole.length - 20)]],
      ["b/003.png", ["wrongType", large]],
      ["b/039.png", ["syntax", Buffer.from("")]],
    ]);
    for (const [place, [, bytes]] of broken) await writeFile(join(directory, root, place), bytes);
    const clock = new ManualClock(5);
    await using quarantine = memoryQuarantine({ clock });
    const open = (): ReturnType<typeof imageFolder> =>
      imageFolder({ directory: join(directory, root), quarantine, seed: 3 });
    const source = await open();
    const samples = await all(source);
    expect(samples).toHaveLength(76);
    const listed = await quarantine.list();
    expect(listed.map(({ place, fault }) => [place, fault.kind])).toEqual(
      [...broken].map(([place, [kind]]) => [place, kind]),
    );
    for (const { fault } of listed) expect(fault.reason).not.toBe("");

    const taken: Sample[] = [];
    const take = (fixed: readonly Sample[]): Promise<unknown> =>
      Promise.resolve(taken.push(...fixed));
    const replay = (): ReturnType<typeof replayQuarantine> =>
      replayQuarantine(quarantine, { check: source.check, take });
    expect(await replay()).toMatchObject({ replayed: 0, broken: { length: 4 } });
    for (const place of broken.keys()) {
      await writeFile(join(directory, root, place), await png(Number(place.slice(2, 5))));
    }
    expect(await replay()).toEqual({ replayed: 4, broken: [] });
    expect(taken.map(({ label }) => label)).toEqual([0, 0, 1, 1]);
    expect(taken.map(({ features }) => features[0])).toEqual(
      [0, 17, 3, 39].map((n) => pixelsOf(n)[0]),
    );
    // Fixed images do not move the others.
    expect(await all(await open())).toEqual(samples);
    expect(await quarantine.list()).toEqual([]);
  });

  it("refuses directories without two classes, without images, and that are not there", async () => {
    const root = `few-${folders++}`;
    await images(root, "only", 1);
    const few = imageFolder({ directory: join(directory, root) });
    await expect(few).rejects.toThrow("1 folders with 1 images");
    await mkdir(join(directory, "none", "a"), { recursive: true });
    await mkdir(join(directory, "none", "b"), { recursive: true });
    await expect(imageFolder({ directory: join(directory, "none") })).rejects.toThrow("0 images");
    const absent = imageFolder({ directory: join(directory, "absent") });
    await expect(absent).rejects.toThrow(SourceUnreadableError);
  });
});

async function all(source: Source): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) samples.push(sample);
  return samples;
}
