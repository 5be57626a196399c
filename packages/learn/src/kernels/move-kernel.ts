/** A kernel that compares parameters as they move, in the threads that move them. */
import type { AbsoluteType } from "@everfresh/core";
import type { Code, KernelFunction } from "@everfresh/core/wasm";
import { COLLECTING, collecting, GROUP, type VectorMemories } from "./difference-kernels.ts";
import {
  add,
  and,
  anyBit,
  below,
  get,
  loadVector,
  loadWord,
  multiply,
  or,
  set,
  shiftLeft,
  splatWord,
  storeVector,
  storeWord,
  subtract,
  when,
  whole,
} from "./instructions.ts";
import { touching } from "./touch-kernel.ts";

/**
 * What a mover has in the kernel's own memory, in bytes from where its area begins; the words of what
 * it found follow the indices.
 */
export const AREA = {
  /** From where on differences count, four times; 0 where the mover is not to look. */
  level: 0,
  /** How many it found. */
  count: 16,
  /** Up to where it has come. */
  next: 20,
  /** How many parameters it has moved since it was told to look. */
  moved: 24,
  /** Of no meaning. */
  touched: 28,
  scratch: 64,
  indices: 128,
} as const;

/** Bytes of the area of one mover that may find as many as `capacity`. */
export function areaBytes(capacity: number): number {
  return AREA.indices + 8 * capacity;
}

/** Where the vectors begin, in bytes, and how many of its finds a mover has room for. */
export interface MovePlaces {
  readonly wanted: number;
  readonly present: number;
  readonly capacity: number;
}

/**
 * moved(mover, from, to) of core's MoveKernel: collects what differs in whole groups of 16 between
 * `from` and `to` and adds it to what the mover has found in this step. It stops to look, and has moved
 * none, where a second step begins, where there may be no more room, and where a difference is not
 * finite.
 */
export function moveKernel(
  type: AbsoluteType,
  memories: VectorMemories,
  { wanted, present, capacity }: MovePlaces,
): KernelFunction {
  const [mover, from, to, area] = [0, 1, 2, 3];
  const base = 4;
  const [a, b, end, first] = [base, base + 1, base + 2, base + 3];
  const [level, indices, words, scratch] = [base + 4, base + 5, base + 6, base + 7];
  const behind = base + COLLECTING.inputs.length + COLLECTING.variables.length;
  const [quarter, bits] = [behind, behind + 1];
  const { loop, count, isNotFinite } = collecting(type, memories, base);
  const field = (name: keyof typeof AREA): Code => loadWord(get(area), { offset: AREA[name] });
  const setField = (name: keyof typeof AREA, value: Code): Code =>
    storeWord(get(area), value, { offset: AREA[name] });
  const addresses = (start: number, index: Code): Code =>
    add(whole(start), shiftLeft(index, whole(2)));
  const isSecondStep = below(get(from), field("next"));
  const isFull = below(whole(capacity), add(field("count"), subtract(get(to), get(from))));
  const stop = [
    ...set(level, splatWord(whole(0))),
    ...storeVector(get(area), get(level), { offset: AREA.level }),
    ...setField("moved", whole(0)),
  ];
  const look = [
    ...set(a, addresses(wanted, get(from))),
    ...set(b, addresses(present, get(from))),
    // What is wanted was written just now; what is present no one had in a cache.
    ...set(quarter, and(subtract(get(to), get(from)), whole(-GROUP))),
    ...touching([{ address: b, memory: memories.present }], { quarter, end, bits }),
    ...setField("touched", get(bits)),
    ...set(b, addresses(present, get(from))),
    ...set(end, addresses(wanted, and(get(to), whole(-GROUP)))),
    ...set(first, get(from)),
    ...set(indices, add(add(get(area), whole(AREA.indices)), shiftLeft(field("count"), whole(2)))),
    ...set(words, add(get(indices), whole(4 * capacity))),
    ...set(scratch, add(get(area), whole(AREA.scratch))),
    ...when(below(get(a), get(end)), loop),
    ...setField("count", add(field("count"), count)),
    ...setField("next", get(to)),
    ...setField("moved", add(field("moved"), subtract(get(to), get(from)))),
    ...when(isNotFinite, stop),
  ];
  return {
    name: "moved",
    parameters: ["i32", "i32", "i32"],
    variables: ["i32", ...COLLECTING.inputs, ...COLLECTING.variables, "i32", "i32"],
    returns: null,
    code: [
      ...set(area, multiply(get(mover), whole(areaBytes(capacity)))),
      ...set(level, loadVector(get(area), { offset: AREA.level })),
      ...when(anyBit(get(level)), when(or(isSecondStep, isFull), stop)),
      ...when(anyBit(get(level)), look),
    ],
  };
}
