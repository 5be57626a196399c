import {
  cloneState,
  type ModelState,
  type Preprocessing,
  type Preprocessor,
  preprocessorOf,
  type Sample,
  stateBytes,
  stateOn,
  statisticsIn,
} from "@everfresh/core";

/** What a {@link PinnedModel} is made with. */
export interface PinnedModelOptions {
  readonly preprocessing: Preprocessing;
  readonly initial: ModelState;
  /** Whether the initial state knows nothing: what it predicts is then not looked at. */
  readonly isInitialFresh: boolean;
  /** Bytes of the state that was pinned last; null while that is the initial one. */
  readonly bytes: Uint8Array | null;
}

/** The state that a stream is watched by: it does not learn, and how it sees samples stays the same. */
export class PinnedModel {
  readonly #preprocessor: Preprocessor;
  readonly #isInitialFresh: boolean;
  #isInitial: boolean;
  #state: ModelState;

  constructor({ preprocessing, initial, isInitialFresh, bytes }: PinnedModelOptions) {
    this.#preprocessor = preprocessorOf(preprocessing);
    this.#isInitialFresh = isInitialFresh;
    this.#isInitial = bytes === null;
    this.#state = bytes === null ? initial : stateFrom(bytes, initial);
  }

  /** It does not change; another one takes its place. */
  get state(): ModelState {
    return this.#state;
  }

  /** Whether it is one that knows nothing yet. */
  get isBlank(): boolean {
    return this.#isInitial && this.#isInitialFresh;
  }

  /** Whether samples look otherwise through another state, because preprocessing learns, too. */
  get hasLens(): boolean {
    return this.#preprocessor.statistics.length > 0;
  }

  /** A sample as the state takes it. */
  inputsOf(features: Sample["features"]): Float32Array {
    const statistics = statisticsIn(this.#state, this.#preprocessor.statistics);
    return this.#preprocessor.transform(statistics, [features]);
  }

  /** Takes a copy of another state in its place. */
  replace(state: ModelState): void {
    this.#state = cloneState(state, { shared: true });
    this.#isInitial = false;
  }

  /** As of {@link PinnedModelOptions}. */
  bytes(): Uint8Array | null {
    return this.#isInitial ? null : stateBytes(this.#state).slice();
  }
}

function stateFrom(bytes: Uint8Array, { layout }: ModelState): ModelState {
  return cloneState(stateOn(layout, new Uint8Array(bytes).buffer), { shared: true });
}
