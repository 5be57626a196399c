import { type Shape, type Tensor, tensor } from "@everfresh/core";

const INT64_MAX = 2n ** 63n - 1n;

/** "To the end" is the largest int64, which is no number: the nearest one is out of range. */
function toInt64(value: number): bigint {
  const whole = BigInt(value);
  if (whole > INT64_MAX) return INT64_MAX;
  return whole < -INT64_MAX ? -INT64_MAX : whole;
}

/** The constants of a file, to which normalisation adds its own. */
export class ConstantTable extends Map<string, Tensor> {
  readonly #values: Set<string>;

  /** @param values names of all other values, which a new constant must not have */
  constructor(constants: Iterable<readonly [string, Tensor]>, values: Iterable<string>) {
    super(constants);
    this.#values = new Set(values);
  }

  /** A name for a new value that nothing else has: `wanted` or a similar one. */
  nameFor(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.has(name) || this.#values.has(name); i++) name = `${wanted}_${i}`;
    this.#values.add(name);
    return name;
  }

  /** Adds int64 numbers, by default a vector, under `wanted` or a similar name, and returns that. */
  addInts(wanted: string, values: readonly number[], shape: Shape = [values.length]): string {
    const name = this.nameFor(wanted);
    this.set(name, tensor("int64", shape, BigInt64Array.from(values, toInt64)));
    return name;
  }

  /** Adds a float32 number under `wanted` or a similar name, and returns that. */
  addFloat(wanted: string, value: number): string {
    const name = this.nameFor(wanted);
    this.set(name, tensor("float32", [], Float32Array.of(value)));
    return name;
  }
}
