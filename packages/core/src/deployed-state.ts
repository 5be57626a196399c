import { bufferBytesAfter } from "./buffer-change.ts";
import { bytesPerElement } from "./dtype.ts";
import {
  FingerprintMismatchError,
  ShapeError,
  ValueRangeError,
  VersionGapError,
} from "./errors.ts";
import {
  accumulateTensor,
  accumulateWords,
  type Fingerprint,
  fingerprintOf,
  formatFingerprint,
  parseFingerprint,
} from "./fingerprint.ts";
import { FingerprintScrub } from "./fingerprint-scrub.ts";
import {
  copyState,
  createState,
  dataOf,
  type ModelState,
  type StateOptions,
  type StateTensor,
} from "./state.ts";
import { isAbsolute, isEventTime, isIncrement, type StateChange, type Update } from "./update.ts";
import { checkEntries } from "./update-values.ts";

/** All bits of a float32's exponent: set in infinities and NaN only. */
const EXPONENT = 0x7f800000;

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
  #eventTimeMs: number | null = null;
  #scrub: FingerprintScrub | null = null;

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
   * Event time of the newest sample that this state has learned from, as far as the updates that
   * were applied here said; Unix milliseconds.
   */
  get eventTimeMs(): number | null {
    return this.#eventTimeMs;
  }

  /**
   * The update that makes `change` to this state; the state itself stays as it is.
   * @param eventTimeMs of the newest sample that the state after it has learned from, if known
   * @throws ValueRangeError for a value that cannot be sent, or that leads to one that is not finite
   * @throws ShapeError for indices out of order or out of range, or a buffer of the wrong size
   */
  updateFor(change: StateChange, eventTimeMs: number | null = null): Update {
    if (!isEventTime(eventTimeMs)) {
      throw new ValueRangeError(
        `Event time ${eventTimeMs} is not a whole number of milliseconds from 1970 on`,
        { eventTimeMs },
      );
    }
    return {
      ...change,
      fromVersion: this.#version,
      toVersion: this.#version + 1,
      fingerprintBefore: this.#fingerprint,
      fingerprintAfter: this.#fingerprintAfter(change, this.#wordsAfter(change)),
      eventTimeMs,
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
    const words = this.#wordsAfter(update);
    const actual = this.#fingerprintAfter(update, words);
    if (actual !== fingerprintAfter) {
      throw new FingerprintMismatchError(`Update ${toVersion}`, fingerprintAfter, actual);
    }
    this.#write(update, words);
    this.#version = toVersion;
    this.#fingerprint = actual;
    this.#eventTimeMs = update.eventTimeMs ?? this.#eventTimeMs;
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
   * Does the next part of {@link DeployedState.verify}, so that nothing has to wait for all of it;
   * updates between two parts are taken into account. After the last part it begins again.
   * @param words 4 bytes each; about a million of them take 2 ms
   * @returns whether this was the last part, and the state is what it was
   * @throws FingerprintMismatchError with the last part, when it is not
   */
  verifyPart(words: number): boolean {
    this.#scrub ??= new FingerprintScrub(this.state);
    this.#scrub.step(words);
    const actual = this.#scrub.fingerprint;
    if (actual === null) return false;
    this.#scrub = null;
    if (actual === this.#fingerprint) return true;
    const what = `State at version ${this.#version}`;
    throw new FingerprintMismatchError(what, this.#fingerprint, actual);
  }

  /** The new bits at each index; checks indices and values on the way. */
  #wordsAfter(change: StateChange): Uint32Array {
    checkEntries(this.state.layout, change);
    const { valueType, indices, values } = change;
    const sent = new Uint32Array(values.buffer, values.byteOffset, values.length);
    if (isAbsolute(valueType)) return sent;
    const words = new Uint32Array(indices.length);
    if (isIncrement(valueType)) {
      // Stored as float32, a sum in float64 is the float32 sum: 53 bits are enough to round once.
      const sums = new Float32Array(words.buffer);
      const old = this.state.parameters;
      for (let i = 0; i < indices.length; i++) {
        sums[i] = (old[indices[i] ?? 0] ?? 0) + (values[i] ?? 0);
      }
    } else {
      const old = this.#parameterBits();
      for (let i = 0; i < indices.length; i++)
        words[i] = (old[indices[i] ?? 0] ?? 0) ^ (sent[i] ?? 0);
    }
    const at = words.findIndex((word) => (word & EXPONENT) === EXPONENT);
    if (at >= 0) {
      const index = indices[at];
      throw new ValueRangeError(
        `Update of ${valueType} makes parameter ${index} a value that is not finite`,
        { index },
      );
    }
    return words;
  }

  /**
   * The fingerprint that the state would have after `change`, in O(change), with `words` as the new
   * bits at its indices; checks the buffers on the way.
   */
  #fingerprintAfter({ indices, buffers }: StateChange, words: Uint32Array): Fingerprint {
    const oldBits = this.#parameterBits();
    const lanes = parseFingerprint(this.#fingerprint);
    const replaced = new Uint32Array(indices.length);
    for (let i = 0; i < replaced.length; i++) replaced[i] = oldBits[indices[i] ?? 0] ?? 0;
    accumulateWords(lanes, indices, replaced, -1);
    accumulateWords(lanes, indices, words, 1);
    let previousBuffer = -1;
    for (const change of buffers) {
      const { tensor, data } = change;
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
      new Uint8Array(incoming.buffer).set(bufferBytesAfter(this.state, entry, change));
      accumulateTensor(lanes, this.state, entry, -1);
      accumulateTensor(lanes, incoming, { ...entry, byteOffset: 0 }, 1);
    }
    return formatFingerprint(lanes);
  }

  #write({ indices, buffers }: StateChange, words: Uint32Array): void {
    const scrub = this.#scrub;
    scrub?.parametersChange(indices, words);
    const target = this.#parameterBits();
    for (let i = 0; i < indices.length; i++) target[indices[i] ?? 0] = words[i] ?? 0;
    for (const change of buffers) {
      const entry = this.#bufferAt(change.tensor, change.data.byteLength);
      const after = bufferBytesAfter(this.state, entry, change);
      const write = (): void => bytesOf(dataOf(this.state, entry)).set(after);
      if (scrub === null) write();
      else scrub.bufferChange(entry, write);
    }
  }

  #parameterBits(): Uint32Array {
    return new Uint32Array(this.state.buffer, 0, this.state.layout.parameterCount);
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
  options: StateOptions = {},
): DeployedState {
  const copy = createState(state.layout, options);
  copyState(state, copy);
  return new DeployedState(copy, version);
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
