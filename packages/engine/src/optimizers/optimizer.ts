/**
 * How parameters follow their gradients. An optimizer is a pure pair: `init` makes the state, `update`
 * changes state and parameters in place. All that it remembers between steps is in
 * {@link OptimizerState}, so it can be stored, restored and split over threads.
 *
 * Rounding: every element is computed in float64 and rounded once to float32 when stored. PyTorch
 * rounds after each operation, so the two agree to about 1e-7 relative per step, not bit for bit.
 * Moments below {@link SMALLEST_NORMAL} are stored as 0. They belong to parameters that no longer
 * move, would never decay further, and make the CPU a hundred times slower for each.
 */
export interface Optimizer {
  /** Which kind of {@link OptimizerSpec} this is. */
  readonly kind: string;
  /** Names of the vectors that it remembers, in the order of {@link OptimizerState.slots}. */
  readonly slots: readonly string[];
  /**
   * Largest norm of the gradient over all parameters, or null. Whoever knows the gradients of all
   * parameters keeps to it before {@link Optimizer.update}, which may see only some of them.
   */
  readonly clipNorm: number | null;
  /** How large the gradient usually is, as far as the optimizer remembers that; otherwise null. */
  readonly secondMoment: SecondMoment | null;
  /**
   * The state before the first step.
   * @param parameterCount elements of every slot
   * @param allocate makes a vector of zeros; by default in ordinary memory
   */
  init(parameterCount: number, allocate?: (length: number) => Float32Array): OptimizerState;
  /**
   * One step: advances `state` and moves `parameters` against `gradients`. The work is elementwise, so
   * updating the parts of a vector separately gives the same bits as updating it whole.
   */
  update(state: OptimizerState, gradients: Float32Array, parameters: Float32Array): void;
}

/** Where an optimizer keeps the mean of the square of every element of the gradient. */
export interface SecondMoment {
  /** Index of that vector in {@link Optimizer.slots}. */
  readonly slot: number;
  /** What an element, times this, is the mean of the squares after so many steps, 1 or more. */
  readonly scaleAt: (step: number) => number;
  /** What the optimizer adds to the root of the mean, so that nothing is divided by 0. */
  readonly epsilon: number;
}

/** The smallest float32 above 0 that is not denormal: 2⁻¹²⁶. */
export const SMALLEST_NORMAL: number = 2 ** -126;

/** All that an optimizer remembers. */
export interface OptimizerState {
  /** Steps taken so far. */
  step: number;
  /** One vector per name in {@link Optimizer.slots}, each as long as the parameters. */
  readonly slots: readonly Float32Array[];
}

/** A fresh state of zeros with `count` slots. */
export function emptyState(
  count: number,
  parameterCount: number,
  allocate: (length: number) => Float32Array = (length) => new Float32Array(length),
): OptimizerState {
  return { step: 0, slots: Array.from({ length: count }, () => allocate(parameterCount)) };
}
