import type { ValueType } from "@everfresh/core";
import {
  type AmountSpec,
  checkSparsifierSpec,
  LearnOptionError,
  type SparsifierSpec,
} from "@everfresh/learn";
import {
  checkBuffersEvery,
  defaultBuffersEvery,
  type DeploymentOptions,
} from "./deployment-options.ts";

/**
 * Sparse deployment: every step sends a part of the difference between trained and deployed state.
 */
export interface SparseDeployment extends DeploymentOptions {
  readonly kind: "sparse";
  readonly sparsifier: SparsifierSpec;
}

/** How values travel, by the names that a configuration has for it. */
export type SparseValues = "f32" | "f16" | "bf16" | "int8" | "sign";

/** Which parameters an update carries; the first one is the default. */
export type SparseChoice =
  | { readonly kind: "topK"; readonly scope?: "global" | "perTensor" }
  | { readonly kind: "randomK"; readonly unbiased?: boolean; readonly seed?: number }
  | { readonly kind: "threshold"; readonly value: number }
  | {
      readonly kind: "qsgd";
      readonly bits: number;
      readonly unbiased?: boolean;
      readonly seed?: number;
    }
  | { readonly kind: "signMean" }
  | { readonly kind: "dense" };

/** Options of {@link sparse}; of the three amounts at most one is given. */
export interface SparseOptions extends Partial<DeploymentOptions> {
  /** Share of the parameters that one update may change. @default 0.01 where no amount is given */
  readonly ratio?: number;
  /** Bytes that one update may take. */
  readonly bytesPerUpdate?: number;
  /** Bytes that all updates together may take per second. */
  readonly bytesPerSecond?: number;
  /** How values travel. @default "f16", "f32" for dense */
  readonly values?: SparseValues;
  /**
   * Which parameters an update carries. @default those that are furthest apart, over all tensors
   */
  readonly choose?: SparseChoice;
}

const VALUE_TYPES: { readonly [V in SparseValues]: ValueType } = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
  int8: "int8",
  sign: "sign",
};

const RATIO_DEFAULT = 0.01;

/**
 * Sparse deployment; without options the 1 % of parameters that are furthest apart, as float16.
 * @throws LearnOptionError for a number that is out of its range, or an option that does not go
 * with
 *   what is chosen
 */
export function sparse(options: SparseOptions = {}): SparseDeployment {
  const { choose = { kind: "topK" }, signingKey } = options;
  const make = CHOICES[choose.kind] as (
    choose: SparseChoice,
    options: SparseOptions,
  ) => SparsifierSpec;
  const sparsifier = make(choose, options);
  checkSparsifierSpec(sparsifier);
  const byBytes = "amount" in sparsifier && (sparsifier.amount?.kind ?? "ratio") !== "ratio";
  const { buffersEvery = defaultBuffersEvery(byBytes ? 0 : ratioOf(sparsifier)) } = options;
  checkBuffersEvery(buffersEvery);
  const signing = signingKey === undefined ? {} : { signingKey };
  return { kind: "sparse", sparsifier, buffersEvery, ...signing };
}

const CHOICES: {
  readonly [K in SparseChoice["kind"]]: (
    choose: Extract<SparseChoice, { kind: K }>,
    options: SparseOptions,
  ) => SparsifierSpec;
} = {
  topK: ({ scope = "global" }, options) => ({
    kind: "topK",
    scope,
    amount: amountOf(options) ?? { kind: "ratio", ratio: RATIO_DEFAULT },
    valueType: valueTypeOf(options, "f16"),
  }),
  randomK: ({ unbiased = false, seed }, options) => ({
    kind: "randomK",
    unbiased,
    ...(seed === undefined ? {} : { seed }),
    amount: amountOf(options) ?? { kind: "ratio", ratio: RATIO_DEFAULT },
    valueType: valueTypeOf(options, "f16"),
  }),
  threshold: ({ kind, value }, options) => {
    refuseAmount(kind, options);
    return { kind, value, valueType: valueTypeOf(options, "f16") };
  },
  qsgd: ({ kind, bits, unbiased = false, seed }, options) => {
    refuseAmount(kind, options);
    refuseValues(kind, options);
    return { kind, bits, unbiased, ...(seed === undefined ? {} : { seed }) };
  },
  signMean: ({ kind }, options) => {
    refuseValues(kind, options);
    return { kind, amount: amountOf(options) };
  },
  dense: ({ kind }, options) => {
    refuseAmount(kind, options);
    const valueType = valueTypeOf(options, "f32");
    if (valueType === "int8" || valueType === "sign") {
      throw new LearnOptionError("values", valueType, `"f32", "f16" or "bf16" with choose ${kind}`);
    }
    return { kind, valueType };
  },
};

const AMOUNTS: {
  readonly [A in "ratio" | "bytesPerUpdate" | "bytesPerSecond"]: (value: number) => AmountSpec;
} = {
  ratio: (ratio) => ({ kind: "ratio", ratio }),
  bytesPerUpdate: (bytes) => ({ kind: "bytesPerUpdate", bytes }),
  bytesPerSecond: (bytes) => ({ kind: "bytesPerSecond", bytes }),
};

function amountOf(options: SparseOptions): AmountSpec | null {
  const given = (["ratio", "bytesPerUpdate", "bytesPerSecond"] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [{ name, amount: AMOUNTS[name](value) }];
  });
  const [first, second] = given;
  if (second !== undefined) {
    throw new LearnOptionError(
      second.name,
      options[second.name],
      `left out beside ${given[0]?.name}`,
    );
  }
  return first?.amount ?? null;
}

function valueTypeOf({ values }: SparseOptions, fallback: SparseValues): ValueType {
  return VALUE_TYPES[values ?? fallback];
}

function refuseAmount(kind: SparseChoice["kind"], options: SparseOptions): void {
  const amount = amountOf(options);
  if (amount === null) return;
  throw new LearnOptionError(amount.kind, options[amount.kind], `left out with choose ${kind}`);
}

function refuseValues(kind: SparseChoice["kind"], { values }: SparseOptions): void {
  if (values === undefined) return;
  throw new LearnOptionError("values", values, `left out with choose ${kind}`);
}

/**
 * The same sparsifier with another ratio of parameters per update.
 * @throws LearnOptionError when it does not go by an amount, or for a ratio out of its range
 */
export function withRatio(sparsifier: SparsifierSpec, ratio: number): SparsifierSpec {
  if (!("amount" in sparsifier)) {
    throw new LearnOptionError("ratio", ratio, `left out with choose ${sparsifier.kind}`);
  }
  const changed: SparsifierSpec = { ...sparsifier, amount: { kind: "ratio", ratio } };
  checkSparsifierSpec(changed);
  return changed;
}

/**
 * The most of all parameters that an update may change, as a share: 1 where bytes or values decide.
 */
export function ratioOf(sparsifier: SparsifierSpec): number {
  if (!("amount" in sparsifier) || sparsifier.amount?.kind !== "ratio") return 1;
  return sparsifier.amount.ratio;
}
