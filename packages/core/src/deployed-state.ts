import { bytesPerElement } from "./dtype.ts";
import {
  FingerprintMismatchError,
  ShapeError,
  ValueRangeError,
  VersionGapError,
} from "./errors.ts";
import {
  accumulateTensor,
  accumulateWord,
  type Fingerprint,
  fingerprintOf,
  formatFingerprint,
  parseFingerprint,
} from "./fingerprint.ts";
import { copyState, createState, dataOf, type ModelState, type StateTensor } from "./state.ts";
import { isSendable, roundTo, type StateChange, type Update } from "./update.ts";

/**
 * The state that replicas have (`x̂`), with its version and fingerprint. The trainer keeps one to
 * know exactly what is deployed; every replica keeps one to serve from. All changes go through
 * {@link DeployedState.apply}, which takes an update whole or not at all.
 */
export class DeployedState {
  /** The values. Read them freely between two calls; never write to them. */
  readonly state: ModelState;
  #version: number;
  #fingerprint: Fingerprint;

  /**
   * Takes over `state` at `version`.
   * @param expected when given, what the fingerprint must be
   * @throws FingerprintMismatchError when it is not
   */
  constructor(state: ModelState, version: number, expected?: Fingerprint) {
    this.state = state;
    this.#version = version;
    this.#fingerprint = fingerprintOf(state);
    if (expected !== undefined && expected !== this.#fingerprint) {
      throw new FingerprintMismatchError(
        `State at version ${version}`,
        expected,
        this.#fingerprint,
      );
    }
  }

  /** The version that this state is at. */
  get version(): number {
    return this.#version;
  }

  /** The fingerprint of this state, kept up to date by every update. */
  get fingerprint(): Fingerprint {
    return this.#fingerprint;
  }

  /**
   * The update that makes `change` to this state; the state itself stays as it is.
   * @throws ValueRangeError for a value that cannot be sent
   * @throws ShapeError for indices out of order or out of range, or a buffer of the wrong size
   */
  updateFor(change: StateChange): Update {
    return {
      ...change,
      fromVersion: this.#version,
      toVersion: this.#version + 1,
      fingerprintBefore: this.#fingerprint,
      fingerprintAfter: this.#fingerprintAfter(change),
    };
  }

  /**
   * Applies an update: all of it after every check has passed, or nothing.
   * @throws VersionGapError when the update starts from another version
   * @throws FingerprintMismatchError when it starts from, or leads to, another state than it says
   * @throws ValueRangeError, ShapeError as {@link DeployedState.updateFor}
   */
  apply(update: Update): void {
    const { fromVersion, toVersion, fingerprintBefore, fingerprintAfter } = update;
    const isForward = Number.isSafeInteger(toVersion) && toVersion > fromVersion;
    if (fromVersion !== this.#version || !isForward) {
      throw new VersionGapError(this.#version, fromVersion, toVersion);
    }
    if (fingerprintBefore !== this.#fingerprint) {
      throw new FingerprintMismatchError(
        `State before update ${toVersion}`,
        fingerprintBefore,
        this.#fingerprint,
      );
    }
    const actual = this.#fingerprintAfter(update);
    if (actual !== fingerprintAfter) {
      throw new FingerprintMismatchError(`Update ${toVersion}`, fingerprintAfter, actual);
    }
    this.#write(update);
    this.#version = toVersion;
    this.#fingerprint = actual;
  }

  /**
   * Recomputes the fingerprint from every word, to find corruption that no update touched.
   * @throws FingerprintMismatchError when the state is not what it was
   */
  verify(): void {
    const actual = fingerprintOf(this.state);
    if (actual !== this.#fingerprint) {
      throw new FingerprintMismatchError(
        `State at version ${this.#version}`,
        this.#fingerprint,
        actual,
      );
    }
  }

  /**
   * The fingerprint that the state would have after `change`, in O(change); checks it on the way.
   */
  #fingerprintAfter({ valueType, indices, values, buffers }: StateChange): Fingerprint {
    if (indices.length !== values.length) {
      throw new ShapeError(`Update has ${indices.length} indices and ${values.length} values`);
    }
    const { parameterCount } = this.state.layout;
    const oldBits = new Uint32Array(this.state.buffer, 0, parameterCount);
    const newBits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const lanes = parseFingerprint(this.#fingerprint);
    let previous = -1;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] ?? 0;
      const value = values[i] ?? 0;
      if (index <= previous || index >= parameterCount) {
        throw new ShapeError(
          `Update index ${index} after ${previous}: indices ascend and stay below ${parameterCount}`,
          { index, previous, parameterCount },
        );
      }
      if (!isSendable(valueType, value) || roundTo(valueType, value) !== value) {
        throw new ValueRangeError(
          `Update value ${value} at ${index} cannot be sent as ${valueType}`,
          { index, value },
        );
      }
      accumulateWord(lanes, index, oldBits[index] ?? 0, -1);
      accumulateWord(lanes, index, newBits[i] ?? 0, 1);
      previous = index;
    }
    let previousBuffer = -1;
    for (const { tensor, data } of buffers) {
      const entry = this.#bufferAt(tensor, data.byteLength);
      if (tensor <= previousBuffer) {
        throw new ShapeError(
          `Update changes buffer ${tensor} after ${previousBuffer}: they ascend`,
        );
      }
      previousBuffer = tensor;
      const incoming = createState({
        tensors: [{ ...entry, byteOffset: 0 }],
        parameterCount: 0,
        byteLength: data.byteLength,
      });
      new Uint8Array(incoming.buffer).set(bytesOf(data));
      accumulateTensor(lanes, this.state, entry, -1);
      accumulateTensor(lanes, incoming, { ...entry, byteOffset: 0 }, 1);
    }
    return formatFingerprint(lanes);
  }

  #write({ indices, values, buffers }: StateChange): void {
    const target = new Uint32Array(this.state.buffer, 0, this.state.layout.parameterCount);
    const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < indices.length; i++) target[indices[i] ?? 0] = source[i] ?? 0;
    for (const { tensor, data } of buffers) {
      const entry = this.#bufferAt(tensor, data.byteLength);
      bytesOf(dataOf(this.state, entry)).set(bytesOf(data));
    }
  }

  #bufferAt(tensor: number, byteLength: number): StateTensor {
    const entry = this.state.layout.tensors[tensor];
    if (entry === undefined || entry.role !== "buffer") {
      throw new ShapeError(`Update changes tensor ${tensor}, which is not a buffer of this state`);
    }
    const expected = entry.length * bytesPerElement(entry.dtype);
    if (byteLength !== expected) {
      throw new ShapeError(
        `Buffer "${entry.name}" has ${expected} bytes, the update brings ${byteLength}`,
      );
    }
    return entry;
  }
}

/** A deployed state with its own copy of `state`'s values. */
export function deployCopy(
  state: ModelState,
  version: number,
  options: { readonly shared?: boolean } = {},
): DeployedState {
  const copy = createState(state.layout, options);
  copyState(state, copy);
  return new DeployedState(copy, version);
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
