import { readFileSync } from "node:fs";
import {
  createState,
  dataOf,
  type DType,
  type ModelState,
  stateLayout,
  type StateTensorSpec,
  type TensorData,
} from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

const bytesOf = (data: TensorData): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("safetensors", () => {
  it("are read as Python writes them", () => {
    // bench/peers/golden_export.py
    const file = new URL("./fixtures/peer.golden.safetensors", import.meta.url);
    const { tensors, metadata } = decodeSafetensors(readFileSync(file));
    expect(metadata).toEqual({ name: "golden", note: 'a "quoted" line\n' });
    const read = Object.fromEntries(
      [...tensors].map(([name, { dtype, shape, data }]) => [name, [dtype, shape, [...data]]]),
    );
    expect(read).toEqual({
      "conv.weight": ["float32", [2, 3], [-1, -0.75, -0.5, -0.25, 0, 0.25]],
      specials: ["float32", [5], [NaN, Infinity, -Infinity, -0, 2 ** -149]],
      steps: ["int64", [2], [2n ** 53n + 1n, -1n]],
      classes: ["int32", [2, 1], [-7, 7]],
      pixels: ["uint8", [3], [0, 128, 255]],
      mask: ["bool", [2], [1, 0]],
      empty: ["float32", [0, 4], []],
      größe: ["float32", [], [0.5]],
    });
  });

  it("give back every bit of any state, its names and its metadata", () => {
    const metadata = fc.dictionary(fc.string(), fc.string());
    fc.assert(
      fc.property(states, metadata, fc.nat({ max: 9 }), (state, texts, offset) => {
        const encoded = encodeSafetensors(state, texts);
        expect(encoded).toEqual(encodeSafetensors(state, texts));
        const placed = new Uint8Array(encoded.length + offset);
        placed.set(encoded, offset);
        const { tensors, metadata: read } = decodeSafetensors(placed.subarray(offset));
        expect(read).toEqual(texts);
        expect(tensors.size).toBe(state.layout.tensors.length);
        for (const entry of state.layout.tensors) {
          const tensor = tensors.get(entry.name);
          expect(tensor).toMatchObject({ dtype: entry.dtype, shape: entry.shape });
          expect(tensor && bytesOf(tensor.data)).toEqual(bytesOf(dataOf(state, entry)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("are refused when they are cut short anywhere, or go on", () => {
    const bytes = encodeSafetensors(smallState());
    for (let end = 0; end < bytes.length; end++) refuses(bytes.subarray(0, end));
    refuses(Uint8Array.of(...bytes, 0));
  });

  it("are read or refused, whatever bits are wrong", () => {
    const good = encodeSafetensors(smallState(), { a: "b" });
    const headerEnd = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));
    for (let at = 0; at < headerEnd; at++) {
      for (const flip of [1, 4, 32, 128]) {
        const bad = good.slice();
        bad[at] = (bad[at] ?? 0) ^ flip;
        try {
          for (const { data } of decodeSafetensors(bad).tensors.values()) {
            expect(data.byteLength).toBeLessThan(bad.length);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^EF_/) as string });
        }
      }
    }
  });

  it.each([
    ["a header longer than the file", file("{}", 2n ** 60n)],
    ["no object", file("[]")],
    ["no JSON", file("{a}")],
    ["metadata that is no text", file('{"__metadata__":{"a":1}}')],
    ["a tensor that is no object", file('{"a":1}')],
    ["no shape", file('{"a":{"dtype":"F32","data_offsets":[0,0]}}')],
    ["a negative size", file(tensorText("F32", [-1], [0, 4]))],
    ["sizes whose product is no number", file(tensorText("F32", [2 ** 53, 2 ** 53], [0, 4]))],
    ["more bytes than the file has", file(tensorText("F32", [2 ** 40], [0, 2 ** 42]))],
    ["fewer bytes than its shape needs", file(tensorText("F32", [2], [0, 4]), undefined, 4)],
    ["bytes that no tensor has", file(tensorText("F32", [1], [0, 4]), undefined, 8)],
    ["a gap before the first tensor", file(tensorText("F32", [1], [4, 8]), undefined, 8)],
  ])("with %s are refused", (_what, bytes) => {
    refuses(bytes);
  });

  it("name the tensor whose elements cannot be used", () => {
    const bytes = file(tensorText("F8_E4M3", [1], [0, 1]), undefined, 1);
    expect(() => decodeSafetensors(bytes)).toThrow(/"a" is F8_E4M3/);
  });

  it("refuse a tensor with the name of the metadata", () => {
    const layout = stateLayout([spec("__metadata__", "float32", [1])]);
    expect(() => encodeSafetensors(createState(layout))).toThrow(/__metadata__/);
  });
});

const spec = (name: string, dtype: DType, shape: readonly number[]): StateTensorSpec => ({
  name,
  dtype,
  shape,
  role: dtype === "float32" ? "parameter" : "buffer",
});

const states: fc.Arbitrary<ModelState> = fc
  .tuple(
    fc.uniqueArray(
      fc.record({
        name: fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__"),
        dtype: fc.constantFrom<DType>("float32", "int32", "int64", "uint8", "bool"),
        shape: fc.array(fc.nat({ max: 5 }), { maxLength: 3 }),
      }),
      { selector: ({ name }) => name, maxLength: 6 },
    ),
    fc.infiniteStream(fc.nat({ max: 255 })),
  )
  .map(([tensors, numbers]) => {
    const layout = stateLayout(tensors.map(({ name, dtype, shape }) => spec(name, dtype, shape)));
    const state = createState(layout);
    const bytes = new Uint8Array(state.buffer);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number(numbers.next().value);
    return state;
  });

function smallState(): ModelState {
  const state = createState(
    stateLayout([spec("a", "float32", [2, 2]), spec("b", "uint8", [3]), spec("c", "int64", [1])]),
  );
  state.parameters.set([1, 2, 3, 4]);
  return state;
}

function tensorText(dtype: string, shape: readonly number[], offsets: readonly number[]): string {
  return JSON.stringify({ a: { dtype, shape, data_offsets: offsets } });
}

function file(header: string, length: bigint = BigInt(header.length), data = 0): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + data);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
}

function refuses(bytes: Uint8Array): void {
  expect(() => decodeSafetensors(bytes)).toThrow(
    expect.objectContaining({ code: "EF_SAFETENSORS_INVALID" }),
  );
}
