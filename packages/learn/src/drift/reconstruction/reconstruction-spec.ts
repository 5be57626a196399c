import { LearnOptionError } from "../../errors.ts";

/** How an auto-encoder learns what samples look like, as plain data. */
export interface ReconstructionSpec {
  /** Rows that it learns from: the first ones that are looked at; 100 or more. @default 1,000 */
  readonly referenceSamples?: number;
  /**
   * Rows after those before it takes effect, 0 or more: while they come it is trained in the
   * background, and whoever is there first waits. @default half of `referenceSamples`
   */
  readonly delaySamples?: number;
  /** Training steps: what it costs, whatever the rows are. @default 1,000 */
  readonly steps?: number;
  /** Rows per step, no more than `referenceSamples`. @default 64 */
  readonly batchSize?: number;
  /** Units of the layers before the code, as of `autoEncoder`. @default [] */
  readonly hidden?: readonly number[];
  /** Units of the narrowest layer. @default a quarter of the features, from 1 to 32 */
  readonly code?: number;
  /** Of Adam, above 0. @default 0.005 */
  readonly learningRate?: number;
  /** Looks at one row in so many. @default 1 */
  readonly everySamples?: number;
  /** Of the first weights and of the batches. @default 0 */
  readonly seed?: number;
}

/** A specification with every default filled in, but for the code, which the builder chooses. */
export type CompleteReconstructionSpec = Required<Omit<ReconstructionSpec, "code">> &
  Pick<ReconstructionSpec, "code">;

/** Numbers in the reference at most: 64 MB in memory and in checkpoints. */
const REFERENCE_NUMBERS_MAX = 2 ** 24;
/** More would be no background work: minutes of a worker. */
const STEPS_MAX = 100_000;

/**
 * Checks the numbers of a specification for rows of `features` numbers and fills in what is missing.
 * @throws LearnOptionError for one that is out of its range
 */
export function completeReconstructionSpec(
  spec: ReconstructionSpec,
  features: number,
): CompleteReconstructionSpec {
  const { referenceSamples = 1_000, steps = 1_000, batchSize = 64, hidden = [] } = spec;
  const { delaySamples = Math.floor(referenceSamples / 2), learningRate = 0.005 } = spec;
  const { everySamples = 1, seed = 0, code } = spec;
  checkWhole("features", features, [1, REFERENCE_NUMBERS_MAX / 100]);
  const rowsMax = Math.floor(REFERENCE_NUMBERS_MAX / features);
  checkWhole("referenceSamples", referenceSamples, [100, rowsMax]);
  checkWhole("delaySamples", delaySamples, [0, Number.MAX_SAFE_INTEGER]);
  checkWhole("steps", steps, [1, STEPS_MAX]);
  checkWhole("batchSize", batchSize, [1, referenceSamples]);
  checkWhole("everySamples", everySamples, [1, Number.MAX_SAFE_INTEGER]);
  checkWhole("seed", seed, [0, Number.MAX_SAFE_INTEGER]);
  for (const size of [...hidden, code ?? 1]) checkWhole("hidden and code", size, [1, rowsMax]);
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    throw new LearnOptionError("learningRate", learningRate, "a finite number above 0");
  }
  return {
    ...{ referenceSamples, delaySamples, steps, batchSize, hidden, learningRate },
    ...{ everySamples, seed, ...(code === undefined ? {} : { code }) },
  };
}

function checkWhole(option: string, value: number, [least, most]: readonly [number, number]): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new LearnOptionError(option, value, `a whole number from ${least} to ${most}`);
  }
}
