/**
 * What of a sample takes a run of a model, for the samples whose turn it is:
 *
 *   sample ──┬─► the pinned state, up to a layer ──► embedding
 *            ├─► past versions of the model ───────► members, who may disagree
 *            └─► an auto-encoder ──────────────────► reconstruction
 *
 * Which ones depends on sequences alone, and each sample is run by itself, so it does not matter how
 * they come together, or when the process was started.
 */
import type { ModelState } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import { LearnOptionError } from "../../errors.ts";
import type { Embedding } from "../embedding/embedding.ts";
import {
  type ReconstructionCheckpoint,
  ReconstructionSignal,
} from "../reconstruction/reconstruction-signal.ts";
import type { OpenSession } from "../reconstruction/sample-encoder.ts";
import { type PastVersions, PinnedMembers } from "../uncertainty/pinned-members.ts";
import { COSTLY_INPUTS, type CompleteDriftSpec, type SignalInput } from "./drift-spec.ts";
import type { PredictedObservation } from "./observations.ts";

/** Members are looked for at versions that are multiples of this, until there are some. */
const MEMBERS_EVERY_VERSIONS = 100;

/** What costly inputs are made with; each is needed where a signal looks at it. */
export interface CostlyPorts {
  /** For `embedding`. */
  readonly embedding?: Embedding | undefined;
  /** Opens the auto-encoder, for `reconstruction`. */
  readonly openEncoder?: OpenSession | undefined;
  /** The members of the ensemble, for `disagreement`. */
  readonly past?: PastVersions | undefined;
}

/** All that {@link CostlyInputs} remember, as plain data and bytes. */
export interface CostlyCheckpoint {
  readonly reconstruction: ReconstructionCheckpoint | null;
  /** Versions of the members; null before they were looked for. */
  readonly members: readonly number[] | null;
  /** They are to be the newest up to this one; null while nothing calls for others. */
  readonly membersUpTo: number | null;
}

/** What costs a run of a model; absent where it is not the sample's turn. */
export type CostlyNumbers = Pick<PredictedObservation, "embedding" | "reconstruction" | "members">;

/** Samples that came one after another, and what runs on them. */
export interface CostlyLook {
  /** Number of the first. */
  readonly first: number;
  /** Each as the model takes it. */
  readonly rows: readonly Float32Array[];
  readonly pinned: ModelState;
  readonly session: Pick<TrainingSession, "predict">;
}

/** Runs models for those signals that need it. */
export class CostlyInputs implements AsyncDisposable {
  readonly #ports: CostlyPorts;
  readonly #spec: CompleteDriftSpec;
  readonly #isTurn: (input: SignalInput, sequence: number) => boolean;
  readonly #uses: ReadonlySet<SignalInput>;
  readonly #encoder: ReconstructionSignal | null;
  #members: PinnedMembers | null = null;
  /** Versions of the members, when they are known but not at hand yet. */
  #versions: readonly number[] | null;
  #membersUpTo: number | null;

  /**
   * @throws LearnOptionError where a signal looks at what nothing was given for, or options of it are
   * out of their range
   * @throws DriftCheckpointError for a checkpoint of other options
   */
  constructor(options: {
    readonly spec: CompleteDriftSpec;
    /** Numbers of a sample. */
    readonly features: number;
    readonly ports: CostlyPorts;
    readonly isTurn: (input: SignalInput, sequence: number) => boolean;
    readonly checkpoint?: CostlyCheckpoint | undefined;
  }) {
    const { spec, features, ports, isTurn, checkpoint } = options;
    this.#spec = spec;
    this.#ports = ports;
    this.#isTurn = isTurn;
    const inputs = spec.signals.map(({ input }) => input);
    this.#uses = new Set(inputs.filter((input) => COSTLY_INPUTS.includes(input)));
    this.#needed("embedding", ports.embedding);
    this.#needed("disagreement", ports.past);
    const open = this.#needed("reconstruction", ports.openEncoder);
    const encoder = { features, spec: spec.reconstruction };
    this.#encoder =
      open === null
        ? null
        : new ReconstructionSignal({
            ...{ ...encoder, open },
            checkpoint: checkpoint?.reconstruction ?? undefined,
          });
    this.#versions = checkpoint?.members ?? null;
    this.#membersUpTo = checkpoint?.membersUpTo ?? null;
  }

  /** Whether a signal looks at any of them. */
  get isUsed(): boolean {
    return this.#uses.size > 0;
  }

  /**
   * What is to be known of samples before the monitor sees them, one answer for each.
   * @throws what the models throw; it can then be asked again
   */
  async look({ first, rows, pinned, session }: CostlyLook): Promise<readonly CostlyNumbers[]> {
    const members = await this.#membersAtHand();
    const looks = await Promise.all(
      rows.map(async (row, i): Promise<CostlyNumbers> => {
        const sequence = first + i;
        const embedding = this.#isTurn("embedding", sequence)
          ? this.#ports.embedding?.of(pinned, row)
          : undefined;
        const answers = this.#isTurn("disagreement", sequence)
          ? members?.predict(session, row, 1, sequence)
          : undefined;
        const [given] = (await answers) ?? [];
        const made = await embedding;
        return {
          ...(made === undefined ? {} : { embedding: made }),
          ...(given === undefined || given === null ? {} : { members: given }),
        };
      }),
    );
    // Last, as only this one remembers what it has seen.
    const errors = await this.#errors(first, rows);
    return looks.map((look, i) => {
      const reconstruction = errors[i] ?? NaN;
      return Number.isNaN(reconstruction) ? look : { ...look, reconstruction };
    });
  }

  /**
   * Another state is the pinned one, the deployed state of this version: past versions up to it are the
   * members from now on. @param isChanged whether samples are others than before, too: then the
   * auto-encoder learns anew
   */
  pin(version: number, isChanged: boolean): void {
    if (this.#uses.has("disagreement")) this.#membersUpTo = version;
    if (isChanged) this.#encoder?.pin();
  }

  /** This version is deployed: looks for members now and then while there are none. */
  deployed(version: number): void {
    if (!this.#uses.has("disagreement") || version % MEMBERS_EVERY_VERSIONS !== 0) return;
    const known = this.#members?.versions ?? this.#versions ?? [];
    if (known.length === 0) this.#membersUpTo ??= version;
  }

  /** All that is remembered; not while look() is pending. */
  checkpoint(): CostlyCheckpoint {
    return {
      reconstruction: this.#encoder?.checkpoint() ?? null,
      members: this.#members?.versions ?? this.#versions,
      membersUpTo: this.#membersUpTo,
    };
  }

  /** Ends what runs for it; not the embedding, which was given. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#encoder?.[Symbol.asyncDispose]();
  }

  async #membersAtHand(): Promise<PinnedMembers | null> {
    const { past } = this.#ports;
    if (past === undefined || !this.#uses.has("disagreement")) return null;
    // Whose turn it is, is known already.
    const spec = { members: this.#spec.members, everySamples: 1 };
    if (this.#membersUpTo !== null) {
      this.#members = await PinnedMembers.newest(past, spec, this.#membersUpTo);
      this.#membersUpTo = null;
    } else if (this.#members === null && this.#versions !== null) {
      this.#members = await PinnedMembers.of(this.#versions, past, spec);
    }
    this.#versions = null;
    return this.#members;
  }

  #errors(first: number, rows: readonly Float32Array[]): Promise<Float64Array> {
    const features = rows[0]?.length ?? 0;
    if (this.#encoder === null) return Promise.resolve(new Float64Array(0));
    const all = new Float32Array(rows.length * features);
    rows.forEach((row, i) => all.set(row, i * features));
    return this.#encoder.errors(all, rows.length, (row) =>
      this.#isTurn("reconstruction", first + row),
    );
  }

  #needed<Port>(input: SignalInput, port: Port | undefined): Port | null {
    if (!this.#uses.has(input)) return null;
    if (port !== undefined) return port;
    throw new LearnOptionError("drift.signals", input, "an input that something is given for");
  }
}
