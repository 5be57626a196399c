import { Random, type RandomPosition } from "@everfresh/core";
import type { History } from "@everfresh/streams";
import { batchPositions, type BatchRequest, observeHistory } from "../samplers/batch-positions.ts";
import { excluding, type PositionRange } from "../samplers/excluding.ts";
import type { Sampler, SamplerReach } from "../samplers/sampler.ts";
import { samplerOf } from "../samplers/sampler-of.ts";
import type { SamplerSpec } from "../samplers/sampler-spec.ts";

/** What a {@link ChangingSampler} is made with. */
export interface ChangingSamplerOptions {
  readonly spec: SamplerSpec;
  readonly random: Random;
  readonly history: Pick<History, "facts">;
  /** Positions that are never drawn. */
  readonly excluded: readonly PositionRange[];
}

/** A strategy's sampler, whose part of the history may change between two draws. */
export class ChangingSampler {
  readonly #options: ChangingSamplerOptions;
  #sampler: Sampler;
  /** Nothing below this position is drawn. */
  #from = 0;
  /** Positions from 0 on that the sampler has been told about. */
  #observed = 0;

  constructor(options: ChangingSamplerOptions) {
    this.#options = options;
    this.#sampler = this.#made(options.random);
  }

  /** Nothing below this position is drawn. */
  get from(): number {
    return this.#from;
  }

  /** Where the random numbers are. */
  get position(): RandomPosition {
    return this.#sampler.position;
  }

  /** What its draws are from, as of a sampler. */
  get reach(): SamplerReach {
    return this.#sampler.reach ?? "old";
  }

  /** Draws nothing below this position from now on; what the sampler has learned stays. */
  drawFrom(from: number): void {
    if (from === this.#from) return;
    const learned = this.checkpoint();
    this.#remake(from, this.position, learned);
  }

  /** The positions of a batch, once the sampler has been told of all that it asks about. */
  async positions(request: BatchRequest): Promise<readonly number[]> {
    const { past, fresh } = request;
    await this.#observe(past);
    await this.#observe(past + fresh);
    return batchPositions(this.#sampler, request);
  }

  /** What the sampler has learned; null for one that learns nothing. */
  checkpoint(): Uint8Array | null {
    return this.#sampler.checkpoint?.() ?? null;
  }

  /**
   * Goes back to where a checkpoint was made.
   * @throws SamplerCheckpointError when it is damaged or another sampler's
   */
  restore(checkpoint: {
    readonly random: RandomPosition;
    readonly sampler: Uint8Array | null;
    readonly from: number;
  }): void {
    this.#remake(checkpoint.from, checkpoint.random, checkpoint.sampler);
  }

  #remake(from: number, random: RandomPosition, learned: Uint8Array | null): void {
    this.#from = from;
    this.#sampler = this.#made(Random.at(random));
    if (learned !== null) this.#sampler.restore?.(learned);
    this.#observed = 0;
  }

  #made(random: Random): Sampler {
    const { spec, excluded } = this.#options;
    const before = this.#from === 0 ? [] : [{ from: 0, to: this.#from }];
    // Also where nothing is excluded: a checkpoint is then good when something is.
    return excluding(samplerOf(spec, random), [...excluded, ...before]);
  }

  async #observe(to: number): Promise<void> {
    if (to <= this.#observed) return;
    const { history } = this.#options;
    await observeHistory(this.#sampler, history, { from: this.#observed, to });
    this.#observed = to;
  }
}
