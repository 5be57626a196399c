import { type AbsoluteType, isAbsolute, type ValueType } from "@everfresh/core";
import { LearnOptionError } from "../errors.ts";

/** How much an update carries. */
export type AmountSpec = RatioSpec | BytesPerUpdateSpec | BytesPerSecondSpec;

/** A share of all parameters. */
export interface RatioSpec {
  readonly kind: "ratio";
  /** Above 0, at most 1. */
  readonly ratio: number;
}

/** As many entries as fit into so many bytes, by the bytes that the last updates had. */
export interface BytesPerUpdateSpec {
  readonly kind: "bytesPerUpdate";
  /** Above 0. */
  readonly bytes: number;
}

/** As many entries as keep all updates together to so many bytes per second. */
export interface BytesPerSecondSpec {
  readonly kind: "bytesPerSecond";
  /** Above 0. */
  readonly bytes: number;
}

/** The parameters in which the two states are furthest apart. */
export interface TopKSpec {
  readonly kind: "topK";
  /** Over all parameters together, or the same share of every tensor and at least one of each. */
  readonly scope: "global" | "perTensor";
  readonly amount: AmountSpec;
  readonly valueType: ValueType;
}

/** Parameters at random, each subset of them as likely as any other. */
export interface RandomKSpec {
  readonly kind: "randomK";
  /**
   * Moves each of k parameters of n by n/k times its difference, so that the expected move is the
   * whole difference. What is left then grows from update to update unless k is more than n/2: for
   * comparisons, not for use.
   */
  readonly unbiased: boolean;
  /** Of its random numbers, a whole number of 0 or more. @default that of the run */
  readonly seed?: number;
  readonly amount: AmountSpec;
  readonly valueType: ValueType;
}

/** Every parameter in which the two states are this far apart or further. */
export interface ThresholdSpec {
  readonly kind: "threshold";
  /** Above 0. */
  readonly value: number;
  readonly valueType: ValueType;
}

/** Every difference, rounded at random to one of a few levels of its tensor. */
export interface QsgdSpec {
  readonly kind: "qsgd";
  /** There are 2^bits − 1 levels above 0; 1 to 16. */
  readonly bits: number;
  /**
   * Whether the expected move is the whole difference. Otherwise it is less by as much as keeps
   * what is left from growing.
   */
  readonly unbiased: boolean;
  /** Of its random numbers, a whole number of 0 or more. @default that of the run */
  readonly seed?: number;
}

/** The sign of each difference, times the mean of them in its tensor. */
export interface SignMeanSpec {
  readonly kind: "signMean";
  /** Of the largest differences; of all that there are when null. */
  readonly amount: AmountSpec | null;
}

/** Everything that differs, in absolute values. */
export interface DenseSpec {
  readonly kind: "dense";
  readonly valueType: AbsoluteType | "float32Xor";
}

/**
 * Which part of the difference between trained and deployed state an update carries, as plain data.
 */
export type SparsifierSpec =
  TopKSpec | RandomKSpec | ThresholdSpec | QsgdSpec | SignMeanSpec | DenseSpec;

const CHECKS: {
  readonly [K in SparsifierSpec["kind"]]: (spec: Extract<SparsifierSpec, { kind: K }>) => void;
} = {
  topK: ({ amount }) => checkAmount(amount),
  randomK: ({ amount, seed }) => {
    checkAmount(amount);
    checkSeed(seed);
  },
  threshold: ({ value }) => {
    if (!(Math.fround(value) > 0 && Math.fround(value) < Infinity)) {
      throw new LearnOptionError("threshold", value, "a float32 number above 0");
    }
  },
  qsgd: ({ bits, seed }) => {
    if (!Number.isSafeInteger(bits) || bits < 1 || bits > 16) {
      throw new LearnOptionError("bits", bits, "a whole number from 1 to 16");
    }
    checkSeed(seed);
  },
  signMean: ({ amount }) => {
    if (amount !== null) checkAmount(amount);
  },
  dense: ({ valueType }) => {
    if (!isAbsolute(valueType) && (valueType as ValueType) !== "float32Xor") {
      throw new LearnOptionError("valueType", valueType, "one of absolute values for kind dense");
    }
  },
};

/**
 * Checks the numbers of a sparsifier.
 * @throws LearnOptionError for one that is out of its range
 */
export function checkSparsifierSpec(spec: SparsifierSpec): void {
  const check = CHECKS[spec.kind] as (spec: SparsifierSpec) => void;
  check(spec);
}

const AMOUNT_CHECKS: {
  readonly [K in AmountSpec["kind"]]: (amount: Extract<AmountSpec, { kind: K }>) => void;
} = {
  ratio: ({ ratio }) => {
    if (!(ratio > 0 && ratio <= 1)) {
      throw new LearnOptionError("ratio", ratio, "above 0 and at most 1");
    }
  },
  bytesPerUpdate: ({ bytes }) => checkBytes("bytesPerUpdate", bytes),
  bytesPerSecond: ({ bytes }) => checkBytes("bytesPerSecond", bytes),
};

function checkAmount(amount: AmountSpec): void {
  const check = AMOUNT_CHECKS[amount.kind] as (amount: AmountSpec) => void;
  check(amount);
}

function checkBytes(option: string, bytes: number): void {
  if (!(bytes > 0 && Number.isFinite(bytes))) {
    throw new LearnOptionError(option, bytes, "a finite number above 0");
  }
}

function checkSeed(seed: number | undefined): void {
  if (seed !== undefined && (!Number.isSafeInteger(seed) || seed < 0)) {
    throw new LearnOptionError("seed", seed, "a whole number of 0 or more");
  }
}
