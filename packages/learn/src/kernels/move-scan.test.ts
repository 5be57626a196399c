import { createState, type MoveKernel, stateLayout } from "@everfresh/core";
import { type Kernel, openKernels } from "@everfresh/core/wasm";
import { describe, expect, it } from "vitest";
import { type Comparison, DifferenceScan } from "./difference-scan.ts";
import { AREA } from "./move-kernel.ts";
import { MoveScan } from "./move-scan.ts";

/** Enough for a scan to be worth it, with some that no whole group of 16 is left for. */
const PARAMETERS = (1 << 20) + 4_096 + 26;
const TAIL = PARAMETERS % 16;
const PIECE = 4_096;
/** How many are wanted, for the room that there is. */
const WANTED = 1_000;

const layout = stateLayout([
  { name: "w", role: "parameter", dtype: "float32", shape: [PARAMETERS] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [64] },
]);

/** Two states, the movers of the first in this thread, and what compares them. */
function world(type: Comparison["type"], movers = 2) {
  const [wanted, present] = [0, 1].map(() => {
    const state = createState(layout, { shared: true, kernels: true });
    // What is behind the parameters must not count.
    new Float32Array(state.buffer, 4 * PARAMETERS, 64).fill(1e9);
    return state;
  }) as [ReturnType<typeof createState>, ReturnType<typeof createState>];
  let kernels: Readonly<Record<string, Kernel>> = {};
  let own: WebAssembly.Memory | undefined;
  const watch = ({ functions, memories }: MoveKernel): void => {
    own = memories[0];
    kernels = openKernels(functions, memories);
  };
  const comparison: Comparison = {
    type,
    wanted: wanted.parameters,
    present: present.parameters,
    from: 0,
    to: PARAMETERS,
    memories: { wanted: wanted.memory!, present: present.memory! },
    movers: { count: movers, watch },
  };
  const width = Math.ceil(PARAMETERS / movers / 16) * 16;
  /** The parameters move to these values, each mover's part piece by piece. */
  const step = (values: (index: number) => number): void => {
    wanted.parameters.forEach((_, i) => (wanted.parameters[i] = values(i)));
    for (let mover = 0; mover < movers; mover++) {
      const last = Math.min(PARAMETERS, (mover + 1) * width);
      for (let from = mover * width; from < last; from += PIECE) {
        kernels["moved"]?.(mover, from, Math.min(from + PIECE, last));
      }
    }
  };
  /** From which difference on the first mover looks. */
  const level = (): number => new Float32Array(own!.buffer)[AREA.level / 4]!;
  return { comparison, step, level, wanted: wanted.parameters, present: present.parameters };
}

function taken(scan: MoveScan): readonly (readonly [number, number])[] | null {
  const found: (readonly [number, number])[] = [];
  const take = (indices: Uint32Array, words: Int32Array): void => {
    indices.forEach((index, i) => found.push([index, words[i]!]));
  };
  return scan.take(take) ? found : null;
}

/** What one thread finds afterwards. */
function scanned(comparison: Comparison, level: number): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  DifferenceScan.open()!.collect(
    { ...comparison, to: PARAMETERS - TAIL },
    level,
    (indices, words) => {
      indices.forEach((index, i) => found.push([index, words[i]!]));
      return level;
    },
  );
  return found;
}

/** About one of a thousand is above 0.999. */
const wave =
  (phase: number) =>
  (i: number): number =>
    Math.sin(phase + i * (i % 7)) * (i % 61 === 0 ? 1 : 0.5);

describe("the scan of those who move", () => {
  it.each(["float32", "float16", "bfloat16"] as const)(
    "finds in every step what one thread finds afterwards: %s",
    (type) => {
      for (const movers of [1, 2, 3]) {
        const { comparison, step, present } = world(type, movers);
        const scan = MoveScan.open(comparison, WANTED)!;
        for (const phase of [0, 1]) {
          present.forEach((_, i) => (present[i] = i % 3 === 0 ? 1e-3 : 0));
          scan.lookFrom(0.99);
          step(wave(phase));
          const found = taken(scan);
          expect(found?.length).toBeGreaterThan(100);
          expect(found).toEqual(scanned(comparison, Math.fround(0.99)));
        }
      }
    },
  );

  it("knows nothing before the first step, twice after one, and when nobody looked", () => {
    const { comparison, step } = world("float32");
    const scan = MoveScan.open(comparison, WANTED)!;
    expect(taken(scan)).toBeNull();
    step(wave(0));
    expect(taken(scan)).toBeNull();
    scan.lookFrom(0.99);
    expect(taken(scan)).toBeNull();
    scan.lookFrom(0.99);
    step(wave(0));
    expect(taken(scan)).not.toBeNull();
    expect(taken(scan)).toBeNull();
    step(wave(0));
    expect(taken(scan)).toBeNull();
  });

  it("knows nothing after two steps, and stops to look until it is told again", () => {
    const { comparison, step, level } = world("float32");
    const scan = MoveScan.open(comparison, WANTED)!;
    for (const steps of [2, 3]) {
      scan.lookFrom(0.99);
      for (let i = 0; i < steps; i++) {
        expect(level()).toBe(i < 2 ? Math.fround(0.99) : 0);
        step(wave(i));
      }
      expect(level()).toBe(0);
      expect(taken(scan)).toBeNull();
    }
    scan.lookFrom(0.99);
    step(wave(9));
    expect(taken(scan)).toEqual(scanned(comparison, Math.fround(0.99)));
  });

  it("knows nothing where one mover did not move, or has no room for what it finds", () => {
    const { comparison, step } = world("float32");
    const scan = MoveScan.open({ ...comparison, movers: { count: 3, watch: () => {} } }, WANTED)!;
    scan.lookFrom(0.99);
    step(wave(0));
    expect(taken(scan)).toBeNull();
    const full = MoveScan.open(comparison, WANTED)!;
    full.lookFrom(0.99);
    step(() => 1);
    expect(taken(full)).toBeNull();
  });

  it.each([NaN, Infinity, 3.3e38, 65_520])("knows nothing where a number is %f", (value) => {
    const { comparison, step } = world("float16");
    const scan = MoveScan.open(comparison, WANTED)!;
    for (const at of [0, 70_001, PARAMETERS - TAIL - 1]) {
      scan.lookFrom(0.99);
      step((i) => (i === at ? value : 0));
      expect(taken(scan)).toBeNull();
    }
  });

  it("knows nothing when a state was written to since", () => {
    const { comparison, step, wanted, present } = world("float16");
    const scan = MoveScan.open(comparison, WANTED)!;
    for (const state of [wanted, present]) {
      scan.lookFrom(0.99);
      step(wave(0));
      state.forEach((value, i) => (state[i] = value + 2 ** -8));
      expect(taken(scan)).toBeNull();
    }
  });

  it("is there only for large states that threads share, compared as a whole", () => {
    const { comparison } = world("float32");
    const { movers, memories, ...rest } = comparison;
    const own = { wanted: new Float32Array(PARAMETERS), present: new Float32Array(PARAMETERS) };
    expect(MoveScan.open({ ...rest, memories }, WANTED)).toBeNull();
    expect(MoveScan.open({ ...rest, movers }, WANTED)).toBeNull();
    expect(MoveScan.open({ ...comparison, ...own }, WANTED)).toBeNull();
    expect(MoveScan.open(comparison, PARAMETERS / 2)).toBeNull();
    const wanted = comparison.wanted.subarray(0, 1_000);
    expect(MoveScan.open({ ...comparison, wanted }, 1)).toBeNull();
  });

  it("suits the same comparison for as many as it has room for", () => {
    const { comparison } = world("float32");
    const scan = MoveScan.open(comparison, WANTED)!;
    expect(scan.suits({ ...comparison }, 2 * WANTED)).toBe(true);
    expect(scan.suits(comparison, 2 * WANTED + 1)).toBe(false);
    expect(scan.suits({ ...comparison, type: "float16" }, 1)).toBe(false);
    expect(scan.suits(world("float32").comparison, 1)).toBe(false);
  });
});
