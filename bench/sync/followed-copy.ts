/** One deployed copy that follows a training run by updates of one kind, and what those weigh. */
import { deployCopy, type DeployedState, type ModelState, type StateChange } from "@everfresh/core";
import { type BufferSource, estimateBuffers, type Sparsifier, topK } from "@everfresh/learn";
import { decodeUpdate, encodeUpdate, updateParts } from "@everfresh/sync";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { median } from "../statistics.ts";
import { entropyBoundBytes, meanOf, VALUE_TYPES, type ValuesName } from "./wire-arithmetic.ts";

/** What the updates of a copy come to: means of bytes, medians of times. */
export interface FollowedWeights {
  readonly entries: number;
  /** Whole updates, without the frames of a transport and without buffers. */
  readonly updateBytes: number;
  /** Of those, indices and values. */
  readonly bodyBytes: number;
  readonly boundBytes: number;
  readonly gzipBytes: number;
  readonly zstdBytes: number;
  readonly selectMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly applyMs: number;
}

/** What running statistics are estimated with, beside the copy. */
export type EstimateSource = Omit<BufferSource, "deployed">;

interface Measured {
  readonly entries: number;
  readonly updateBytes: number;
  readonly bodyBytes: number;
  readonly gzipBytes: number;
  readonly zstdBytes: number;
  readonly selectMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly applyMs: number;
}

/** So many updates have been before: versions take as many bytes as after some weeks. */
const VERSIONS_BEFORE = 1_000_000;
/** As small as they get, at whatever speed. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 19 } };
const NOTHING: StateChange = {
  valueType: "float32",
  indices: new Uint32Array(0),
  values: new Float32Array(0),
  buffers: [],
};
const EVENT_TIME_MS = Date.UTC(2026, 0, 1);

/** A copy of θ that top-k updates of one ratio and value type keep close to it. */
export class FollowedCopy {
  readonly ratio: number;
  readonly values: ValuesName;
  readonly #deployed: DeployedState;
  readonly #sparsifier: Sparsifier;
  readonly #measured: Measured[] = [];

  constructor(start: ModelState, ratio: number, values: ValuesName) {
    this.ratio = ratio;
    this.values = values;
    this.#deployed = deployCopy(start, VERSIONS_BEFORE, { shared: true, kernels: true });
    this.#sparsifier = topK({ ratio, valueType: VALUE_TYPES[values].type });
  }

  /** Brings the copy one update closer to `trained`; counted only where `counts`. */
  follow(trained: ModelState, counts: boolean): void {
    const deployed = this.#deployed;
    const { layout, buffer } = deployed.state;
    const [change, selectMs] = timed(() => this.#sparsifier.select(trained, deployed.state));
    const update = deployed.updateFor({ ...change, buffers: [] }, EVENT_TIME_MS);
    const base = new Uint32Array(buffer, 0, layout.parameterCount);
    const [bytes, encodeMs] = timed(() => encodeUpdate(update, { layout, base }));
    const [decoded, decodeMs] = timed(() => decodeUpdate(bytes, { layout }));
    // What is applied is what was decoded: its fingerprint says whether that is the same.
    const [, applyMs] = timed(() => deployed.apply(decoded));
    if (!counts) return;
    const { indices, values } = updateParts(bytes, layout);
    const pairs = pairsOf(update.indices, trained);
    this.#measured.push({
      entries: update.indices.length,
      updateBytes: bytes.length,
      bodyBytes: indices + values,
      gzipBytes: gzipSync(pairs, { level: 9 }).length,
      zstdBytes: zstdCompressSync(pairs, ZSTD).length,
      ...{ selectMs, encodeMs, decodeMs, applyMs },
    });
  }

  /** Of all updates that counted. */
  weights(): FollowedWeights {
    const of = (key: keyof Measured): readonly number[] => this.#measured.map((each) => each[key]);
    const { parameterCount } = this.#deployed.state.layout;
    const { bits } = VALUE_TYPES[this.values];
    const bounds = of("entries").map((k) => entropyBoundBytes(parameterCount, k, bits));
    return {
      entries: meanOf(of("entries")),
      updateBytes: meanOf(of("updateBytes")),
      bodyBytes: meanOf(of("bodyBytes")),
      boundBytes: meanOf(bounds),
      gzipBytes: meanOf(of("gzipBytes")),
      zstdBytes: meanOf(of("zstdBytes")),
      selectMs: median(of("selectMs")),
      encodeMs: median(of("encodeMs")),
      decodeMs: median(of("decodeMs")),
      applyMs: median(of("applyMs")),
    };
  }

  /** Takes an update that nobody measures. */
  move(trained: ModelState): void {
    const deployed = this.#deployed;
    deployed.apply(deployed.updateFor(this.#sparsifier.select(trained, deployed.state)));
  }

  /** Gets running statistics of its own; returns the bytes that they add to an update. */
  async renewBuffers(source: EstimateSource): Promise<number> {
    const deployed = this.#deployed;
    const { layout, buffer } = deployed.state;
    const buffers = await estimateBuffers({ ...source, deployed }, NOTHING, source.history.count());
    const update = deployed.updateFor({ ...NOTHING, buffers });
    const base = new Uint32Array(buffer, 0, layout.byteLength / 4);
    const bytes = encodeUpdate(update, { layout, base });
    const without = encodeUpdate({ ...update, buffers: [] }, { layout });
    deployed.apply(decodeUpdate(bytes, { layout }));
    return bytes.length - without.length;
  }
}

/** What would be sent without a format: int32 indices, then float32 values. */
function pairsOf(indices: Uint32Array, trained: ModelState): Uint8Array {
  const values = Float32Array.from(indices, (index) => trained.parameters[index] ?? 0);
  const pairs = new Uint8Array(8 * indices.length);
  pairs.set(new Uint8Array(indices.buffer, indices.byteOffset, indices.byteLength));
  pairs.set(new Uint8Array(values.buffer), indices.byteLength);
  return pairs;
}

function timed<T>(run: () => T): readonly [T, number] {
  const startMs = performance.now();
  const result = run();
  return [result, performance.now() - startMs];
}
