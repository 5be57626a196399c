/**
 * Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw: "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011). Block `n` of a stream is a pure function of (key, stream, n), so a
 * position is two numbers: it can be stored, resumed and skipped to, and streams never overlap.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 2 ** 32;

/** Where a generator is: enough to make an equal one. */
export interface RandomPosition {
  /** The seed, a whole number from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Which of the seed's independent streams. */
  readonly stream: number;
  /** How many 32-bit words were drawn. */
  readonly drawn: number;
}

/** Philox4x32-10: four output words from four counter words and two key words, all unsigned 32 bit. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Seedable random numbers whose position can be stored and resumed exactly. */
export class Random {
  readonly #seed: number;
  readonly #stream: number;
  #drawn: number;
  #block: readonly number[] = [];

  /**
   * @param seed whole number from 0 to 2⁵³ − 1
   * @param stream which independent stream of that seed; see {@link streamOf} for named ones
   */
  constructor(seed: number, stream = 0, drawn = 0) {
    for (const value of [seed, stream, drawn]) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(
          `Seed, stream and position are whole numbers of 0 or more, got ${value}`,
        );
      }
    }
    this.#seed = seed;
    this.#stream = stream;
    this.#drawn = drawn;
    if (drawn % 4 !== 0) this.#block = this.#blockAt(Math.floor(drawn / 4));
  }

  /** A generator at a stored position. */
  static at(position: RandomPosition): Random {
    return new Random(position.seed, position.stream, position.drawn);
  }

  /** Where this generator is now. */
  get position(): RandomPosition {
    return { seed: this.#seed, stream: this.#stream, drawn: this.#drawn };
  }

  /** The next 32 random bits, unsigned. */
  uint32(): number {
    const lane = this.#drawn % 4;
    if (lane === 0) this.#block = this.#blockAt(Math.floor(this.#drawn / 4));
    this.#drawn++;
    return this.#block[lane] ?? 0;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** Uniform whole number in [0, limit), without bias; `limit` from 1 to 2³². */
  below(limit: number): number {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > TWO_32) {
      throw new RangeError(`Limit must be a whole number from 1 to 2^32, got ${limit}`);
    }
    // Rejection: words of 2³² − (2³² mod limit) and above would favour small results.
    const accepted = TWO_32 - (TWO_32 % limit);
    for (;;) {
      const word = this.uint32();
      if (word < accepted) return word % limit;
    }
  }

  /** Normal with the given mean and standard deviation (Box and Muller). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.float());
  }

  #blockAt(index: number): readonly number[] {
    return philox(
      [
        index >>> 0,
        Math.floor(index / TWO_32),
        this.#stream >>> 0,
        Math.floor(this.#stream / TWO_32),
      ],
      [this.#seed >>> 0, Math.floor(this.#seed / TWO_32)],
    );
  }
}

/** The stream number of a name, so that independent uses of one seed never share numbers (FNV-1a). */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const low = aLow * bLow;
  const middle1 = aHigh * bLow + (low >>> 16);
  const middle2 = aLow * bHigh + (middle1 & 0xffff);
  return (aHigh * bHigh + Math.floor(middle1 / 65536) + Math.floor(middle2 / 65536)) >>> 0;
}
