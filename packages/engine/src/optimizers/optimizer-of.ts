import { type AdagradSpec, adagradOptimizer } from "./adagrad.ts";
import { type AdamSpec, adamOptimizer, type AdamWSpec, adamWOptimizer } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { type RmspropSpec, rmspropOptimizer } from "./rmsprop.ts";
import { type SgdSpec, sgdOptimizer } from "./sgd.ts";

/** Which optimizer, with which settings: plain data that can be stored and sent to a thread. */
export type OptimizerSpec = SgdSpec | AdamSpec | AdamWSpec | RmspropSpec | AdagradSpec;

type Kind = OptimizerSpec["kind"];

const OPTIMIZERS: {
  readonly [K in Kind]: (spec: Extract<OptimizerSpec, { kind: K }>) => Optimizer;
} = {
  sgd: sgdOptimizer,
  adam: adamOptimizer,
  adamW: adamWOptimizer,
  rmsprop: rmspropOptimizer,
  adagrad: adagradOptimizer,
};

/** The optimizer that a spec describes. */
export function optimizerOf(spec: OptimizerSpec): Optimizer {
  return make(spec.kind, spec);
}

function make<K extends Kind>(kind: K, spec: Extract<OptimizerSpec, { kind: K }>): Optimizer {
  return OPTIMIZERS[kind](spec);
}
