import { type AdamSpec, adamOptimizer } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { type SgdSpec, sgdOptimizer } from "./sgd.ts";

/** Which optimizer, with which settings: plain data that can be stored and sent to a thread. */
export type OptimizerSpec = SgdSpec | AdamSpec;

type Kind = OptimizerSpec["kind"];

const OPTIMIZERS: {
  readonly [K in Kind]: (spec: Extract<OptimizerSpec, { kind: K }>) => Optimizer;
} = {
  sgd: sgdOptimizer,
  adam: adamOptimizer,
};

/** The optimizer that a spec describes. */
export function optimizerOf(spec: OptimizerSpec): Optimizer {
  return make(spec.kind, spec);
}

function make<K extends Kind>(kind: K, spec: Extract<OptimizerSpec, { kind: K }>): Optimizer {
  return OPTIMIZERS[kind](spec);
}
