/**
 * Random masks in WebAssembly: Philox4x32-10 (core's `philox`) for four blocks at once, one in each
 * 32-bit lane.
 */
import { type Code, Frame, type KernelFunction, signed, unsigned } from "@everfresh/core/wasm";
import { and, andNot, storeWords, words } from "./instructions.ts";

const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const WEYL = [0x9e3779b9, 0xbb67ae85];

/** Elements that one round of the loop writes: two halves of four words of four blocks. */
export const GROUP_ELEMENTS = 32;

/**
 * mask(target, bytes, block, row, step, stream, key0, key1, dropped, kept): writes `bytes`, a multiple
 * of 128 above 0. Elements 32 g to 32 g + 31 come from the blocks b = `block` + 4 g to b + 3; element
 * 16 h + 4 w + i of them from the lower (h = 0) or upper half of word w of block b + i: 0 where that
 * is below `dropped`, else the float32 number whose bits are `kept`.
 */
export function maskKernel(): KernelFunction {
  const frame = new Frame();
  const { target, bytes, block, row, step, stream, key0, key1, dropped, kept } = frame.takes({
    target: "i32",
    bytes: "i32",
    block: "i32",
    row: "i32",
    step: "i32",
    stream: "i32",
    key0: "i32",
    key1: "i32",
    dropped: "i32",
    kept: "i32",
  });
  const { end } = frame.has({ end: "i32" });
  const { c0, c1, c2, c3, a, b } = frame.has({
    ...{ c0: "v128", c1: "v128", c2: "v128", c3: "v128" },
    ...{ a: "v128", b: "v128" },
  });
  const keys = [key0, key1];
  const key = (which: 0 | 1, round: number): Code => {
    const weyl = Math.imul(round, WEYL[which] ?? 0);
    return spread([...(keys[which]?.get ?? []), ...whole(weyl), 0x6a]);
  };
  // (c0, c1, c2, c3) ← (high(M₁ c2) ⊕ c1 ⊕ k0, low(M₁ c2), high(M₀ c0) ⊕ c3 ⊕ k1, low(M₀ c0))
  const round = (i: number): Code => [
    ...a.set(c0.get),
    ...b.set(c2.get),
    ...c0.set(xor(xor(high(b.get, 1), c1.get), key(0, i))),
    ...c1.set(low(b.get, 1)),
    ...c2.set(xor(xor(high(a.get, 0), c3.get), key(1, i))),
    ...c3.set(low(a.get, 0)),
  ];
  const lanes = [...spread(block.get), ...simd(12), ...laneNumbers(), ...simd(174)];
  const write = (bits: Code, place: number): Code => {
    const drops = [...bits, ...spread(dropped.get), ...simd(57)];
    const address = [...target.get, ...whole(16 * place), 0x6a];
    return storeWords(address, andNot(spread(kept.get), drops));
  };
  const body = [
    ...c0.set(lanes),
    ...c1.set(spread(row.get)),
    ...c2.set(spread(step.get)),
    ...c3.set(spread(stream.get)),
    ...Array.from({ length: ROUNDS }, (_, i) => round(i)).flat(),
    ...[c0, c1, c2, c3].flatMap((word, w) => [
      ...write(and(word.get, words(0xffff)), w),
      ...write([...word.get, ...whole(16), ...simd(173)], 4 + w),
    ]),
    ...block.set([...block.get, ...whole(4), 0x6a]),
    ...target.set([...target.get, ...whole(4 * GROUP_ELEMENTS), 0x6a]),
  ];
  return frame.function("mask", [
    ...end.set([...target.get, ...bytes.get, 0x6a]),
    ...[0x03, 0x40, ...body, ...target.get, ...end.get, 0x49, 0x0d, 0, 0x0b],
  ]);
}

/** The lower 32 bits of the products with a multiplier. */
function low(lanes: Code, which: 0 | 1): Code {
  return [...lanes, ...words(MULTIPLIERS[which] ?? 0), ...simd(181)];
}

/** The upper 32 bits of the products with a multiplier: those of lanes 0 and 1, then of 2 and 3. */
function high(lanes: Code, which: 0 | 1): Code {
  const factors = words(MULTIPLIERS[which] ?? 0);
  const upperWords = [4, 12, 20, 28].flatMap((start) => [0, 1, 2, 3].map((byte) => start + byte));
  return [
    ...[...lanes, ...factors, ...simd(222)],
    ...[...lanes, ...factors, ...simd(223)],
    ...[...simd(13), ...upperWords],
  ];
}

function xor(x: Code, y: Code): Code {
  return [...x, ...y, ...simd(81)];
}

/** An i32 in all four lanes. */
function spread(value: Code): Code {
  return [...value, ...simd(17)];
}

/** 0, 1, 2, 3 in the four lanes. */
function laneNumbers(): Code {
  return [...new Uint8Array(Int32Array.of(0, 1, 2, 3).buffer)];
}

function whole(value: number): Code {
  return [0x41, ...signed(value)];
}

function simd(opcode: number): Code {
  return [0xfd, ...unsigned(opcode)];
}
