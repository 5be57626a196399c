import { classes, image, numeric } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { CorruptManifestError } from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import { smallManifest } from "../publisher.fixture.ts";
import { ByteWriter } from "./byte-writer.ts";
import { decodeManifest, encodeManifest } from "./manifest-codec.ts";

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

describe("encodeManifest and decodeManifest", () => {
  it.each([smallManifest(), IMAGES, STANDARDISED, LIMITED])(
    "give back exactly the manifest that went in",
    (manifest) => {
      expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
    },
  );

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
