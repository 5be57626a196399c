/** Levels of differences: blocks of up to 2¹⁹ values, each pair of which is one number. */
const LEVELS = 20;
/** Finer levels say nothing that the correlation of neighbours has not said already. */
const LEVEL_FIRST = 2;
/** Fewer pairs of blocks than this prove nothing. */
const PAIRS_MIN = 16;
/** Standard deviations by which a variance must exceed that of the model to count. */
const PROOF = 2;
/** Correlation of neighbours that is believed at most, so that the variance stays finite. */
const CORRELATION_MAX = 0.98;

/** What is known about means of a stationary sequence. */
export interface LongRunMoments {
  /** n · Var(mean of n values) for large n. */
  readonly variance: number;
  /** How often that is the variance of one value: 1 for independent ones. */
  readonly inflation: number;
  /** E (x − mean)³ / (E (x − mean)²)^1.5; 0 for constant values. */
  readonly skewness: number;
  /** As many normal numbers would tell the variance as exactly. */
  readonly degreesOfFreedom: number;
}

/**
 * The long-run variance of a sequence of correlated values, in one pass: that of an autoregression,
 *
 *   σ² = γ₀ · (1 + ρ) / (1 − ρ),   ρ = γ₁ / γ₀,
 *
 * and more where differences of means of neighbouring blocks (the Haar wavelet) prove that memory is
 * longer. One change of the mean touches one such difference per block length, so it hardly counts.
 */
export class LongRunVariance {
  #count = 0;
  /** All sums are of values less the first one, so that large values do not lose digits. */
  #origin = 0;
  #last = 0;
  #sum = 0;
  #squares = 0;
  #cubes = 0;
  #products = 0;
  /** Per level: sum of the block before, whether there is one, and squares and number of differences. */
  readonly #halves = new Float64Array(LEVELS);
  readonly #isHalf = new Uint8Array(LEVELS);
  readonly #energies = new Float64Array(LEVELS);
  readonly #pairs = new Float64Array(LEVELS);

  /** Values so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes a finite value in. */
  add(value: number): void {
    if (this.#count === 0) this.#origin = value;
    const x = value - this.#origin;
    if (this.#count > 0) this.#products += x * this.#last;
    this.#count++;
    this.#last = x;
    this.#sum += x;
    this.#squares += x * x;
    this.#cubes += x * x * x;
    let block = x;
    for (let level = 0; level < LEVELS; level++) {
      if (this.#isHalf[level] === 0) {
        this.#halves[level] = block;
        this.#isHalf[level] = 1;
        return;
      }
      const before = this.#halves[level] ?? 0;
      const difference = block - before;
      this.#energies[level] = (this.#energies[level] ?? 0) + difference * difference;
      this.#pairs[level] = (this.#pairs[level] ?? 0) + 1;
      this.#isHalf[level] = 0;
      block += before;
    }
  }

  /** What the values so far say; at least 3 are needed for anything but zeros. */
  moments(): LongRunMoments {
    const n = this.#count;
    const mean = this.#sum / n;
    const variance = Math.max(0, this.#squares / n - mean * mean);
    if (n < 3 || !(variance > 0)) {
      return { variance: 0, inflation: 1, skewness: 0, degreesOfFreedom: 1 };
    }
    // Σ (xₜ − mean)(xₜ₋₁ − mean); both ends miss one value.
    const ends = this.#last; // the first one is 0
    const covariance = (this.#products - mean * (2 * this.#sum - ends) + (n - 1) * mean ** 2) / n;
    const raw = covariance / variance;
    // Kendall (1954): the estimate is (1 + 3ρ) / n too low.
    const rho = Math.min(CORRELATION_MAX, Math.max(0, raw + (1 + 3 * raw) / n));
    const byModel = (1 + rho) / (1 - rho);
    const excess = this.#excess(variance, rho);
    const third = this.#cubes / n - 3 * mean * (this.#squares / n) + 2 * mean ** 3;
    // With σ² = s² / (1 − ρ)² of a normal autoregression, Var(ln σ²) = 2 / n + 4 Var(ρ) / (1 − ρ)².
    const relative = (2 + 4 * byModel) / n;
    return {
      variance: variance * byModel * excess,
      inflation: byModel * excess,
      skewness: third / variance ** 1.5,
      degreesOfFreedom: 2 / relative,
    };
  }

  /** All that is remembered; finite. */
  numbers(): readonly number[] {
    return [
      ...[this.#count, this.#origin, this.#last, this.#sum, this.#squares, this.#cubes],
      this.#products,
      ...this.#halves,
      ...this.#isHalf,
      ...this.#energies,
      ...this.#pairs,
    ];
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    const [count = 0, origin = 0, last = 0, sum = 0, squares = 0, cubes = 0, products = 0] =
      numbers;
    this.#count = count;
    this.#origin = origin;
    this.#last = last;
    this.#sum = sum;
    this.#squares = squares;
    this.#cubes = cubes;
    this.#products = products;
    const parts = [this.#halves, this.#isHalf, this.#energies, this.#pairs];
    parts.forEach((part, i) => {
      part.set(numbers.slice(7 + i * LEVELS, 7 + (i + 1) * LEVELS));
    });
  }

  /** How many {@link numbers} there are. */
  static readonly SIZE: number = 7 + 4 * LEVELS;

  /** Forgets everything. */
  reset(): void {
    this.remember(new Array<number>(LongRunVariance.SIZE).fill(0));
  }

  /** By how much blocks differ more than those of the autoregression, where it is proven; or 1. */
  #excess(variance: number, rho: number): number {
    let excess = 1;
    for (let level = LEVEL_FIRST; level < LEVELS; level++) {
      const pairs = this.#pairs[level] ?? 0;
      if (pairs < PAIRS_MIN) break;
      const length = 2 ** level;
      const expected = 4 * sumVariance(length, rho) - sumVariance(2 * length, rho);
      const ratio = (this.#energies[level] ?? 0) / pairs / (expected * variance);
      excess = Math.max(excess, ratio / (1 + PROOF * Math.sqrt(2 / pairs)));
    }
    return excess;
  }
}

/** Var(x₁ + … + xₘ) / γ₀ = m (1 + ρ) / (1 − ρ) − 2 ρ (1 − ρᵐ) / (1 − ρ)². */
function sumVariance(m: number, rho: number): number {
  return (m * (1 + rho)) / (1 - rho) - (2 * rho * (1 - rho ** m)) / (1 - rho) ** 2;
}
