import { classes, image, numeric, pipeline, preprocessorOf, stateLayout } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { CorruptManifestError, UnsupportedFormatError } from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import { smallManifest } from "../publisher.fixture.ts";
import { ByteWriter } from "./byte-writer.ts";
import { checkManifest, decodeManifest, encodeManifest } from "./manifest-codec.ts";

const IMAGES: Manifest = {
  ...smallManifest(),
  name: "digits ✓",
  input: { name: "image", shape: [1, 28, 28] },
  preprocessing: image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] }),
  target: classes(10, ["zero", "one", "two", "three", "four", "five", "six", "7", "8", "neun"]),
};

const NUMERIC = { kind: "numeric", size: 1 };

const STANDARDISED: Manifest = {
  ...smallManifest(),
  preprocessing: numeric(20, {
    mean: Array.from({ length: 20 }, (_, i) => i / 3),
    std: Array.from({ length: 20 }, (_, i) => 1 + i / 7),
  }),
};

const LIMITED: Manifest = {
  ...STANDARDISED,
  preprocessing: numeric(20, {
    mean: new Array<number>(20).fill(0),
    std: new Array<number>(20).fill(1),
    limit: 2.5,
  }),
};

const PIPELINE = pipeline({
  raw: { kind: "numbers", columns: Array.from({ length: 20 }, (_, i) => `n${i}`) },
  branches: [{ steps: [{ kind: "impute", with: "mean" }, { kind: "standardise" }] }],
});

const LEARNED: Manifest = {
  ...smallManifest(),
  preprocessing: PIPELINE,
  layout: stateLayout([...smallManifest().layout.tensors, ...preprocessorOf(PIPELINE).statistics]),
};

describe("encodeManifest and decodeManifest", () => {
  it.each([smallManifest(), IMAGES, STANDARDISED, LIMITED, LEARNED])(
    "give back exactly the manifest that went in",
    (manifest) => {
      expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
    },
  );

  it("use version 3 for pipelines, so that a replica that knows none says so, and no other for the rest", () => {
    const [plain, learned] = [encodeManifest(smallManifest()), encodeManifest(LEARNED)];
    expect([plain[2], learned[2]]).toEqual([2, 3]);
    for (const [bytes, other] of [
      [plain, 3],
      [learned, 2],
    ] as const) {
      expect(() => decodeManifest(resealed(bytes, other))).toThrow(CorruptManifestError);
    }
    expect(() => decodeManifest(resealed(learned, 4))).toThrow(UnsupportedFormatError);
  });

  it("find every flipped bit outside the format version", () => {
    const bytes = encodeManifest(smallManifest());
    for (let at = 0; at < bytes.length; at++) {
      if (at === 2) continue;
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << (at & 7);
      expect(() => decodeManifest(flipped)).toThrow(CorruptManifestError);
    }
  });

  it.each([
    ["not JSON", "{", "JSON"],
    ["not an object", "[]", "not an object"],
    ["without a log id", edited({ logId: "" }), "logId"],
    ["with a long log id", edited({ logId: "x".repeat(65) }), "logId"],
    ["with an unknown preprocessing", edited({ preprocessing: { kind: "audio" } }), "audio"],
    ["with an impossible size", edited({ preprocessing: { kind: "numeric", size: -1 } }), "-1"],
    ["with half a standardisation", edited({ preprocessing: { ...NUMERIC, mean: [0] } }), "std"],
    [
      "with a deviation of 0",
      edited({ preprocessing: { ...NUMERIC, mean: [0], std: [0] } }),
      "std",
    ],
    ["with another input size", edited({ input: { name: "x", shape: [21] } }), "preprocessing"],
    ["with a missing class", edited({ output: { name: "y", shape: [9] } }), "10 classes"],
    [
      "with labels that do not fit",
      edited({ target: { kind: "classes", count: 10, labels: [] } }),
      "0",
    ],
    ["with an unknown dtype", withTensor({ dtype: "float8" }), "float8"],
    ["with an unknown role", withTensor({ role: "idol" }), "role"],
    ["with a huge tensor", withTensor({ shape: [2 ** 40] }), "shape"],
    ["with a fractional tensor", withTensor({ shape: [0.5] }), "shape"],
    ["with a tensor twice", edited({ tensors: [tensor({}), tensor({})] }), "twice"],
  ])("refuse a manifest %s", (_, json, reason) => {
    expect(() => decodeManifest(withJson(json))).toThrow(CorruptManifestError);
    expect(() => decodeManifest(withJson(json))).toThrow(reason);
  });
});

function edited(changes: Readonly<Record<string, unknown>>): string {
  const { name, logId, input, output, preprocessing, target } = smallManifest();
  const tensors = [tensor({})];
  return JSON.stringify({
    ...{ name, logId, input, output, preprocessing, target, tensors },
    ...changes,
  });
}

function withTensor(changes: Readonly<Record<string, unknown>>): string {
  return edited({ tensors: [tensor(changes)] });
}

function tensor(changes: Readonly<Record<string, unknown>>): unknown {
  return { name: "w", role: "parameter", dtype: "float32", shape: [3], ...changes };
}

function withJson(json: string): Uint8Array {
  const writer = new ByteWriter(64);
  writer.raw(new TextEncoder().encode("EM"));
  writer.u8(2);
  writer.u8(0);
  writer.text(json);
  writer.raw(Uint8Array.of(1, 2, 3));
  return writer.finishWithCrc();
}

/** A manifest that says that it has another format version, with the checksum for that. */
function resealed(bytes: Uint8Array, version: number): Uint8Array {
  const writer = new ByteWriter(bytes.length);
  writer.raw(bytes.subarray(0, 2));
  writer.u8(version);
  writer.raw(bytes.subarray(3, -4));
  return writer.finishWithCrc();
}

describe("checkManifest", () => {
  it.each([smallManifest(), IMAGES, STANDARDISED, LIMITED, LEARNED])(
    "lets what fits together through",
    async (manifest) => {
      await expect(checkManifest(manifest)).resolves.toBeUndefined();
    },
  );

  it.each([
    ["without the statistics", { layout: smallManifest().layout }, /no statistics "preprocessing/],
    ["with statistics of other sizes", { layout: layoutWith([2, 19]) }, /shape \[2, 20\]/],
    ["with statistics that nothing uses", { layout: layoutWith([2, 20], 7) }, /does not know/],
    ["with another input size", { input: { name: "x", shape: [21] } }, /does not take/],
    ["with an unknown step", { preprocessing: stepping({ kind: "guess" }) }, /"guess"/],
    ["with a field too many", { preprocessing: { ...PIPELINE, more: 1 } }, /more is unknown/],
    ["with steps that do not fit", { preprocessing: stepping(RESIZE) }, /resize takes images/],
    ["of another description", { preprocessing: { ...PIPELINE, version: 2 } }, /version 1/],
    ["with an image too large", { preprocessing: imageOf(2 ** 30) }, /at most/],
    ["with a resize too large", { preprocessing: imageOf(8, 2 ** 30) }, /sizes from 1 to/],
  ])("refuses a pipeline %s", async (_, change, reason) => {
    const bytes = encodeManifest({ ...LEARNED, ...change } as Manifest);
    const checked = checkManifest(decodeManifest(bytes));
    await expect(checked).rejects.toBeInstanceOf(CorruptManifestError);
    await expect(checked).rejects.toThrow(reason);
  });
});

const RESIZE = { kind: "resize", width: 2, height: 2 };

function stepping(step: unknown): unknown {
  return { ...PIPELINE, branches: [{ steps: [step] }] };
}

function imageOf(width: number, resized = 4): unknown {
  const step = { kind: "resize", width: resized, height: 1 };
  const raw = { kind: "image", width, height: 1024, channels: 3 };
  return { ...PIPELINE, raw, branches: [{ steps: [step] }] };
}

/** The layout with statistics of this shape, and as many more steps' worth of them. */
function layoutWith(shape: readonly number[], more = 0): Manifest["layout"] {
  const statistics = preprocessorOf(PIPELINE).statistics.map((spec) => ({ ...spec, shape }));
  const others = Array.from({ length: more }, (_, i) => ({
    name: `preprocessing.${9 + i}.0.count`,
    role: "buffer" as const,
    dtype: "float32" as const,
    shape,
  }));
  return stateLayout([...smallManifest().layout.tensors, ...statistics, ...others]);
}
