import { cloneState, type ModelState } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import { LearnOptionError } from "../../errors.ts";
import { softmaxRows } from "../../evaluate/softmax.ts";

/** How an ensemble of past versions is asked, as plain data. */
export interface MembersSpec {
  /** Versions in it at most, the newest ones that there are; 2 to 32. @default 4 */
  readonly members?: number;
  /** Asks about one sample in so many: each costs as many predictions as there are members. @default 16 */
  readonly everySamples?: number;
}

/** Where whole states of past versions can be had: an update log with its anchors. */
export interface PastVersions {
  /**
   * Versions up to `newest` whose state is at hand, in any order; see {@link PinnedMembers} for which to
   * take. The same ones whenever it is asked about the same `newest`.
   */
  versions(newest: number): Promise<readonly number[]>;
  /** The state of one of them; null where it is not kept any more. */
  stateAt(version: number): Promise<ModelState | null>;
}

/** Members of an ensemble unless told otherwise. */
export const MEMBERS_DEFAULT = 4;

const MEMBERS_MAX = 32;

/**
 * Past versions of a model as an ensemble, whose disagreement about a sample is a signal. They are
 * pinned: training moves none of them. What they disagree about is what the model has changed its mind
 * on, so versions far from each other, such as anchors of the log, tell more than the newest ones.
 */
export class PinnedMembers {
  /** In rising order. */
  readonly versions: readonly number[];
  readonly #states: readonly ModelState[];
  readonly #everySamples: number;

  private constructor(versions: readonly number[], states: readonly ModelState[], every: number) {
    this.versions = versions;
    this.#states = states;
    this.#everySamples = every;
  }

  /**
   * Pins the newest versions that there are up to `newest`: none where there are fewer than two.
   * @throws LearnOptionError for a number that is out of its range; what the log throws
   */
  static async newest(
    past: PastVersions,
    spec: MembersSpec = {},
    newest: number = Number.MAX_SAFE_INTEGER,
  ): Promise<PinnedMembers> {
    const { members = MEMBERS_DEFAULT } = spec;
    checkMembers(members);
    const rising = [...(await past.versions(newest))].sort((a, b) => a - b);
    return PinnedMembers.of(rising.length < 2 ? [] : rising.slice(-members), past, spec);
  }

  /**
   * Pins these versions, for example those of a checkpoint: they are all that a resumed run needs. None
   * where one of them is not kept any more.
   * @throws as {@link newest}
   */
  static async of(
    versions: readonly number[],
    past: PastVersions,
    { everySamples = 16 }: MembersSpec = {},
  ): Promise<PinnedMembers> {
    checkWhole("everySamples", everySamples, [1, Number.MAX_SAFE_INTEGER]);
    // Sessions take states in shared memory as they are, and copy others with every call.
    const shared = typeof SharedArrayBuffer !== "undefined";
    const states: ModelState[] = [];
    for (const version of versions) {
      const state = await past.stateAt(version);
      if (state === null) return new PinnedMembers([], [], everySamples);
      states.push(cloneState(state, { shared }));
    }
    return new PinnedMembers([...versions], states, everySamples);
  }

  /**
   * The members' probabilities of some samples, for `disagreement` or a monitor; null for samples that
   * are not asked about. Which ones depends on the sequence alone, not on how samples come together.
   * @param inputs `size` samples one after another, as the model takes them
   * @param firstSequence number of the first among all samples
   */
  async predict(
    session: Pick<TrainingSession, "predict">,
    inputs: Float32Array,
    size: number,
    firstSequence: number,
  ): Promise<readonly (readonly Float64Array[] | null)[]> {
    const asked: number[] = [];
    for (let i = 0; i < size; i++) {
      if ((firstSequence + i) % this.#everySamples === 0) asked.push(i);
    }
    const answers = new Array<readonly Float64Array[] | null>(size).fill(null);
    if (asked.length === 0 || this.#states.length === 0) return answers;
    const length = inputs.length / size;
    const rows = new Float32Array(asked.length * length);
    asked.forEach((i, to) => rows.set(inputs.subarray(i * length, (i + 1) * length), to * length));
    const byMember = await Promise.all(
      this.#states.map(async (state) =>
        softmaxRows(await session.predict(state, rows, asked.length), asked.length),
      ),
    );
    asked.forEach((i, at) => {
      answers[i] = byMember.map((predictions) => predictions[at] ?? new Float64Array(0));
    });
    return answers;
  }
}

/** @throws LearnOptionError unless an ensemble can have so many members */
export function checkMembers(members: number): void {
  checkWhole("members", members, [2, MEMBERS_MAX]);
}

function checkWhole(option: string, value: number, [least, most]: readonly [number, number]): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new LearnOptionError(option, value, `a whole number from ${least} to ${most}`);
  }
}
