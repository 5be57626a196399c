import { checkSchedule, type Schedule } from "./schedule.ts";

/** What every optimizer can be told. */
export interface OptimizerSettings {
  /** Step size, above 0, or how it follows from the number of steps taken. */
  readonly learningRate: number | Schedule;
  /** Share of every parameter that is added to its gradient (L2), 0 or more. @default 0 */
  readonly weightDecay?: number;
  /**
   * Largest norm of the gradient over all parameters, above 0: a longer one is shortened to it first,
   * as `torch.nn.utils.clip_grad_norm_` does. By default there is no limit.
   */
  readonly clipNorm?: number;
}

/** @throws RangeError when one of the settings that all optimizers have cannot work */
export function checkSettings(maker: string, settings: OptimizerSettings): void {
  const { learningRate, weightDecay = 0, clipNorm = 1 } = settings;
  if (typeof learningRate === "number") checkPositive(maker, { learningRate });
  else checkSchedule(learningRate);
  checkNotNegative(maker, { weightDecay });
  checkPositive(maker, { clipNorm });
}

/** @throws RangeError unless all `values` are finite and above 0 */
export function checkPositive(maker: string, values: Readonly<Record<string, number>>): void {
  check(maker, values, "above 0", (value) => value > 0 && Number.isFinite(value));
}

/** @throws RangeError unless all `values` are finite and 0 or more */
export function checkNotNegative(maker: string, values: Readonly<Record<string, number>>): void {
  check(maker, values, "of 0 or more", (value) => value >= 0 && Number.isFinite(value));
}

/** @throws RangeError unless all `values` are from 0 to below 1 */
export function checkShare(maker: string, values: Readonly<Record<string, number>>): void {
  check(maker, values, "from 0 to below 1", (value) => value >= 0 && value < 1);
}

function check(
  maker: string,
  values: Readonly<Record<string, number>>,
  range: string,
  holds: (value: number) => boolean,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (!holds(value)) throw new RangeError(`${maker}() needs a ${name} ${range}, got ${value}`);
  }
}
