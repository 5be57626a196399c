import {
  assert,
  type ModelState,
  Random,
  type StateChange,
  streamOf,
  type ValueType,
} from "@everfresh/core";
import type { Published } from "../publisher.ts";
import { denseRule } from "./dense-rule.ts";
import { qsgdRule } from "./qsgd-rule.ts";
import { Quota } from "./quota.ts";
import { randomKRule } from "./random-k-rule.ts";
import type { Rule } from "./rule.ts";
import { signMeanRule } from "./sign-mean-rule.ts";
import type { Sparsifier, SparsifierPosition } from "./sparsifier.ts";
import { type AmountSpec, checkSparsifierSpec, type SparsifierSpec } from "./sparsifier-spec.ts";
import { thresholdRule } from "./threshold-rule.ts";
import { topKRule } from "./top-k-rule.ts";

/** What a kind of sparsifier is made of. */
interface Parts {
  readonly rule: Rule;
  /** How much an update carries; null when the rule decides. */
  readonly amount: AmountSpec | null;
  /** What a quota reckons values to be. */
  readonly valueType: ValueType;
  /** Whether the rule takes random numbers. */
  readonly draws: boolean;
  /** Of the random numbers, where they are not the run's. */
  readonly seed?: number | undefined;
}

const KINDS: {
  readonly [K in SparsifierSpec["kind"]]: (
    spec: Extract<SparsifierSpec, { kind: K }>,
    random: () => Random,
  ) => Parts;
} = {
  topK: (spec) => ({ ...spec, rule: topKRule(spec), draws: false }),
  randomK: (spec, random) => ({ ...spec, rule: randomKRule(spec, random), draws: true }),
  threshold: (spec) => ({ ...spec, rule: thresholdRule(spec), amount: null, draws: false }),
  qsgd: (spec, random) => ({
    rule: qsgdRule(spec, random),
    amount: null,
    valueType: "float32",
    draws: true,
    seed: spec.seed,
  }),
  signMean: (spec) => ({ ...spec, rule: signMeanRule(spec), valueType: "sign", draws: false }),
  dense: (spec) => ({ ...spec, rule: denseRule(spec), amount: null, draws: false }),
};

/** Options of {@link sparsifierOf}. */
export interface SparsifierOptions {
  /** Seed of the run, for sparsifiers that draw and have none of their own. @default 0 */
  readonly seed?: number;
}

/**
 * The sparsifier that a specification describes.
 * @throws LearnOptionError for a number that is out of its range
 */
export function sparsifierOf(spec: SparsifierSpec, options: SparsifierOptions = {}): Sparsifier {
  checkSparsifierSpec(spec);
  return new SpecifiedSparsifier(spec, options.seed ?? 0);
}

/** Of rules that go by no amount. */
const EVERYTHING: AmountSpec = { kind: "ratio", ratio: 1 };

const NOTHING: StateChange = {
  valueType: "float32",
  indices: new Uint32Array(0),
  values: new Float32Array(0),
  buffers: [],
};

class SpecifiedSparsifier implements Sparsifier {
  readonly #parts: Parts;
  readonly #quota: Quota;
  #random: Random;
  #unsendable = 0;

  constructor(spec: SparsifierSpec, seed: number) {
    const kind = KINDS[spec.kind] as (spec: SparsifierSpec, random: () => Random) => Parts;
    this.#parts = kind(spec, () => this.#random);
    this.#quota = new Quota(this.#parts.amount ?? EVERYTHING);
    this.#random = new Random(this.#parts.seed ?? seed, streamOf("sparsifier"));
  }

  get unsendable(): number {
    return this.#unsendable;
  }

  select(trained: ModelState, deployed: ModelState, bufferBytes = 0): StateChange {
    const { parameterCount } = trained.layout;
    assert(deployed.layout.parameterCount === parameterCount, "states of different layouts");
    const { rule, valueType } = this.#parts;
    const allowance = this.#quota.allowance({ parameters: parameterCount, bufferBytes, valueType });
    if (allowance === null) {
      this.#unsendable = 0;
      return NOTHING;
    }
    const { entries, unsendable } = rule.choose(trained, deployed, allowance);
    this.#unsendable = unsendable;
    return { ...entries, buffers: [] };
  }

  published(published: Published | null, atMs: number): void {
    this.#quota.published(published, atMs);
  }

  position(): SparsifierPosition {
    const { draws, amount } = this.#parts;
    return {
      ...(draws ? { random: this.#random.position } : {}),
      ...(amount === null || amount.kind === "ratio" ? {} : { quota: this.#quota.position() }),
    };
  }

  restore({ random, quota }: SparsifierPosition): void {
    if (random !== undefined) this.#random = Random.at(random);
    if (quota !== undefined) this.#quota.restore(quota);
  }
}
