import {
  cloneState,
  type Clock,
  copyState,
  deployCopy,
  type DeployedState,
  type ModelState,
} from "@everfresh/core";
import { UpdateAccount } from "./update-account.ts";
import {
  buffersOf,
  changedOf,
  changedParameters,
  weighDense,
  weighUpdate,
} from "./update-weight.ts";

/**
 * An update of nearly all weights takes as long to write as a step, and all of a row are about as long:
 * every tenth is weighed, and the seconds are those of ten.
 */
const WEIGHED_EVERY = 10;

/** What it takes to send all that training changes, so that replicas have the trained state. */
export interface TrainedUpdates {
  readonly account: UpdateAccount;
  readonly selectSeconds: number;
  readonly encodeSeconds: number;
  /** Called before the state moves. */
  before(): void;
  /**
   * Called after it has moved.
   * @param entries of the gradient that were chosen; null where all of it counted
   */
  after(entries: Uint32Array | null): void;
}

/** Updates of a state that moves in nearly every weight. */
export class DenseUpdates implements TrainedUpdates {
  readonly account: UpdateAccount = new UpdateAccount();
  selectSeconds = 0;
  encodeSeconds = 0;
  readonly #state: ModelState;
  readonly #before: ModelState;
  readonly #clock: Clock;
  readonly #every: number;

  /** @param every how many updates are weighed: every n-th, beginning with the first */
  constructor(state: ModelState, clock: Clock, every: number = WEIGHED_EVERY) {
    this.#state = state;
    this.#before = cloneState(state);
    this.#clock = clock;
    this.#every = every;
  }

  before(): void {
    copyState(this.#state, this.#before);
  }

  after(entries: Uint32Array | null): void {
    const { account } = this;
    const changed = changedParameters(this.#before, this.#state);
    account.changed(changed);
    if (account.updates % this.#every === 0) {
      const weight = weighDense(this.#before, this.#state, this.#clock);
      account.weighed(weight.bytes);
      this.selectSeconds += this.#every * weight.selectSeconds;
      this.encodeSeconds += this.#every * weight.encodeSeconds;
    }
    account.made(entries?.length ?? changed);
  }
}

/** Updates of a state that moves in few weights, which are known: all of them are weighed. */
export class SparseUpdates implements TrainedUpdates {
  readonly account: UpdateAccount = new UpdateAccount();
  readonly selectSeconds = 0;
  encodeSeconds = 0;
  readonly #state: ModelState;
  readonly #deployed: DeployedState;
  readonly #clock: Clock;

  constructor(state: ModelState, clock: Clock) {
    this.#state = state;
    this.#deployed = deployCopy(state, 0);
    this.#clock = clock;
  }

  before(): void {
    // The deployed state is what the trained one was.
  }

  after(entries: Uint32Array | null): void {
    if (entries === null) return;
    const deployed = this.#deployed;
    const [now, then] = [this.#state.parameters, deployed.state.parameters];
    const indices = entries.filter((at) => !Object.is(now[at], then[at]));
    const values = Float32Array.from(indices, (at) => now[at] ?? 0);
    const before = Float32Array.from(indices, (at) => then[at] ?? 0);
    const change = {
      valueType: "float32",
      indices,
      values,
      buffers: buffersOf(this.#state),
    } as const;
    const { update, bytes, encodeSeconds } = weighUpdate(deployed, change, this.#clock);
    this.encodeSeconds += encodeSeconds;
    this.account.made(entries.length);
    this.account.weighed(bytes);
    deployed.apply(update);
    this.account.changed(changedOf(indices, before, then));
  }
}
