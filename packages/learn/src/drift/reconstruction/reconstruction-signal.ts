/**
 * How unlike earlier samples a sample is, by an auto-encoder that has learned those and is then left as
 * it is. Rows are counted from the last pin on, those that are looked at:
 *
 *   0 ──── reference ────► R ──── delay ────► R + D ──── errors of rows ────►  pin: at 0 again
 *                          │                    ▲
 *                          └─ training, in the  │ from this row on, however long training takes:
 *                             background ───────┘ whoever asks for its error waits
 *
 * So what it says never depends on how fast anything is. A run that is resumed between R and R + D
 * trains again on the same rows.
 */
import { DriftCheckpointError, LearnOptionError } from "../../errors.ts";
import { FeatureWindow } from "../two-sample/feature-window.ts";
import {
  type CompleteReconstructionSpec,
  completeReconstructionSpec,
  type ReconstructionSpec,
} from "./reconstruction-spec.ts";
import { type EncoderBytes, type OpenSession, SampleEncoder } from "./sample-encoder.ts";

/** What a {@link ReconstructionSignal} is made with. */
export interface ReconstructionOptions {
  /** Numbers in a row. */
  readonly features: number;
  readonly spec?: ReconstructionSpec;
  /** Opens the session that trains the encoder, and then runs it. */
  readonly open: OpenSession;
  /** Where to go on. */
  readonly checkpoint?: ReconstructionCheckpoint | undefined;
}

/** All that a {@link ReconstructionSignal} remembers, as plain data and bytes. */
export interface ReconstructionCheckpoint {
  /** What it was made with: only one of the same goes on from it. */
  readonly made: string;
  /** How often it was pinned. */
  readonly generation: number;
  /** Rows since then, also those that were not looked at. */
  readonly seen: number;
  /** Rows of the reference as float64 numbers, until the encoder takes effect. */
  readonly reference: Uint8Array;
  /** The encoder, from then on. */
  readonly encoder: EncoderBytes | null;
}

/** Gives each sample its reconstruction error, for a detector or a monitor. */
export class ReconstructionSignal implements AsyncDisposable {
  readonly #features: number;
  readonly #spec: CompleteReconstructionSpec;
  readonly #open: OpenSession;
  readonly #reference: FeatureWindow;
  #generation = 0;
  #seen = 0;
  /** In training or trained; null before. */
  #training: {
    readonly end: AbortController;
    readonly done: Promise<SampleEncoder | null>;
  } | null = null;
  /** Once it has taken effect. */
  #encoder: SampleEncoder | null = null;
  /** The same as bytes; of a checkpoint until it is first needed. */
  #bytes: EncoderBytes | null = null;

  /**
   * @throws LearnOptionError for a number that is out of its range
   * @throws DriftCheckpointError for a checkpoint that is damaged, or of other options
   */
  constructor({ features, spec = {}, open, checkpoint }: ReconstructionOptions) {
    this.#features = features;
    this.#spec = completeReconstructionSpec(spec, features);
    this.#open = open;
    this.#reference = new FeatureWindow({ capacity: this.#spec.referenceSamples, features });
    if (checkpoint !== undefined) this.#restore(checkpoint);
  }

  /** Rows that still come before errors do, also those that are not looked at; 0 in effect. */
  get rowsToCome(): number {
    return Math.max(0, this.#effectAt() - this.#seen);
  }

  /**
   * Takes rows in, in their order, and gives their errors: NaN where the encoder has not taken effect,
   * for rows that are not looked at, and for rows without a finite number. Calls wait for each other only
   * if the caller does: await one before the next.
   * @param rows `count` rows one after another
   * @param isWanted of the row at an index: others are learned from, but have no error. @default all
   * @throws LearnOptionError where those are not `count` rows; what the session throws
   */
  async errors(
    rows: ArrayLike<number>,
    count: number,
    isWanted: (row: number) => boolean = () => true,
  ): Promise<Float64Array> {
    const features = this.#features;
    if (rows.length !== count * features) {
      throw new LearnOptionError("rows", rows.length, `${count} rows of ${features} numbers`);
    }
    const errors = new Float64Array(count).fill(NaN);
    const scored: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = this.#seen++;
      if (at % this.#spec.everySamples !== 0) continue;
      if (at < this.#effectAt()) this.#learn(rowAt(rows, i, features));
      else if (isWanted(i)) scored.push(i);
    }
    if (scored.length === 0) return errors;
    const encoder = await this.#inEffect();
    // Row by row: rows together have other last bits, and nothing may depend on how they come.
    await Promise.all(
      scored.map(async (i) => {
        errors[i] = (await encoder.errors(rowAt(rows, i, features), 1))[0] ?? NaN;
      }),
    );
    return errors;
  }

  /** Starts anew: the rows that come are the next reference. Not while errors() is pending. */
  pin(): void {
    this.#training?.end.abort();
    const [training, encoder] = [this.#training, this.#encoder];
    this.#training = null;
    this.#encoder = null;
    this.#bytes = null;
    this.#reference.reset();
    this.#generation++;
    this.#seen = 0;
    // Whoever trained for nothing, or failed, has nothing more to say.
    release(encoder, training?.done).catch(() => undefined);
  }

  /** All that it remembers; not while errors() is pending. */
  checkpoint(): ReconstructionCheckpoint {
    const encoder = this.#encoder?.bytes() ?? this.#bytes;
    const { data } = this.#reference.rows();
    return {
      made: this.#made(),
      generation: this.#generation,
      seen: this.#seen,
      reference: encoder === null ? new Uint8Array(data.buffer) : new Uint8Array(0),
      encoder,
    };
  }

  /** Ends training and the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#training?.end.abort();
    await release(this.#encoder, this.#training?.done);
  }

  #made(): string {
    return JSON.stringify({ features: this.#features, ...this.#spec });
  }

  /** Number of the first row that has an error. */
  #effectAt(): number {
    const { referenceSamples, delaySamples, everySamples } = this.#spec;
    return (referenceSamples + delaySamples) * everySamples;
  }

  #learn(row: ArrayLike<number>): void {
    const { referenceSamples } = this.#spec;
    if (this.#reference.count === referenceSamples) return;
    this.#reference.add(row);
    if (this.#reference.count === referenceSamples) this.#train();
  }

  #train(): void {
    const end = new AbortController();
    const done = SampleEncoder.train(this.#reference.rows(), {
      ...{ features: this.#features, spec: this.#spec, open: this.#open },
      ...{ generation: this.#generation, signal: end.signal },
    });
    // A failure counts when the encoder is needed.
    done.catch(() => undefined);
    this.#training = { end, done };
  }

  async #inEffect(): Promise<SampleEncoder> {
    if (this.#encoder !== null) return this.#encoder;
    const [features, spec, open] = [this.#features, this.#spec, this.#open];
    const [bytes, training] = [this.#bytes, this.#training];
    const trained = training === null ? null : await training.done;
    const restored =
      bytes === null ? null : await SampleEncoder.restore(bytes, { features, spec, open });
    const encoder = trained ?? restored;
    if (encoder === null) {
      throw new LearnOptionError("the signal", "disposed", "one that is still open");
    }
    this.#encoder = encoder;
    this.#training = null;
    this.#reference.reset();
    return encoder;
  }

  #restore({ made, generation, seen, reference, encoder }: ReconstructionCheckpoint): void {
    const refuse = (reason: string): never => {
      throw new DriftCheckpointError("reconstruction", reason);
    };
    if (made !== this.#made()) refuse("it is of one with other options");
    const isCount = [generation, seen].every((n) => Number.isSafeInteger(n) && n >= 0);
    const rowBytes = 8 * this.#features;
    const kept = reference.length / rowBytes;
    const { referenceSamples, everySamples } = this.#spec;
    const expected = Math.min(referenceSamples, Math.ceil(seen / everySamples));
    const isWhole = encoder === null ? kept === expected : kept === 0;
    if (!isCount || !isWhole) refuse(`${reference.length} bytes of rows after ${seen} rows`);
    if (encoder !== null && encoder.scaling.length !== 2 * rowBytes)
      refuse("its encoder is damaged");
    this.#generation = generation;
    this.#seen = seen;
    this.#bytes = encoder;
    const numbers = new Float64Array(reference.slice().buffer);
    for (let i = 0; i < kept; i++) this.#learn(rowAt(numbers, i, this.#features));
  }
}

async function release(
  encoder: SampleEncoder | null,
  training: Promise<SampleEncoder | null> | undefined,
): Promise<void> {
  await encoder?.[Symbol.asyncDispose]();
  await (await training)?.[Symbol.asyncDispose]();
}

function rowAt(rows: ArrayLike<number>, i: number, features: number): Float64Array {
  return Float64Array.from({ length: features }, (_, f) => rows[i * features + f] ?? NaN);
}
