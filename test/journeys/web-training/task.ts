/** What is learned on both sides: the same numbers in Node and in a browser. */
import { Random } from "@everfresh/core";

const CLASSES = 10;
const SIDE = 28;
const FIELD = 7; // pixels; four in a row

/** Noisy images, each with a bright field that lies elsewhere for every class. */
export interface Task {
  readonly inputs: Float32Array;
  readonly targets: Int32Array;
  readonly size: number;
}

/** `size` samples that depend on nothing but `stream`. */
export function samples(size: number, stream: number): Task {
  const random = new Random(8, stream);
  const targets = Int32Array.from({ length: size }, () => random.below(CLASSES));
  const inputs = Float32Array.from({ length: size * SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE) % SIDE, i % SIDE];
    const field = 4 * Math.floor(row / FIELD) + Math.floor(column / FIELD);
    const bright = field === targets[Math.floor(i / (SIDE * SIDE))];
    return random.normal(bright ? 1 : 0, 0.3);
  });
  return { inputs, targets, size };
}
