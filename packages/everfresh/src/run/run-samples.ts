import type { InboxReceipt, PushBatch, PushSource, Source } from "@everfresh/streams";
import { ErasureRefusedError, SourceNotPushedError } from "../errors.ts";
import type { ServedSamples } from "../http/samples-route.ts";
import { eraseFrom, type ErasureReport } from "../samples/erasure-report.ts";
import {
  replayableOrRefuse,
  replayRows,
  type ReplayReport,
  type RowsToReplay,
} from "../samples/replay-rows.ts";
import type { BreakDesk } from "./break-desk.ts";
import type { GenerationStores } from "./enter-generation.ts";
import type { RunParts } from "./run-parts.ts";

/** What {@link RunSamples} works with. */
export interface RunSamplesOptions {
  /** Name of the model. */
  readonly model: string;
  readonly source: Source;
  readonly stores: Pick<GenerationStores, "history" | "uses" | "log">;
  readonly labels: RunParts["labels"];
  readonly desk: BreakDesk;
}

/** The samples of a run, as others send and erase them while it goes on. */
export class RunSamples implements ServedSamples {
  readonly #options: RunSamplesOptions;

  constructor(options: RunSamplesOptions) {
    this.#options = options;
  }

  get token(): string | null {
    const { source } = this.#options;
    return "token" in source && typeof source.token === "string" ? source.token : null;
  }

  /** Whether samples are sent here. */
  get isPushed(): boolean {
    return isPushed(this.#options.source);
  }

  async accept(batch: PushBatch): Promise<InboxReceipt> {
    const { source, model } = this.#options;
    if (!isPushed(source)) throw new SourceNotPushedError(model, source.name);
    return source.accept(batch);
  }

  /** Between two steps: what is read ahead, and cached, is then dropped. */
  erase(id: string): Promise<ErasureReport> {
    const { desk } = this.#options;
    return desk.ask(
      () => this.#erase(id),
      (reason) => new ErasureRefusedError(reason),
    );
  }

  // Async, so that a refusal arrives as a rejection.
  async replay(rows: RowsToReplay): Promise<ReplayReport> {
    return replayRows(replayableOrRefuse(this.#options.source), rows);
  }

  #erase(id: string): Promise<ErasureReport> {
    const { source, stores, labels } = this.#options;
    const { history, uses, log } = stores;
    const { quarantine, idField } = source;
    const erase = source.erase?.bind(source);
    return eraseFrom(
      {
        ...{ history, uses, log },
        ...(labels === null ? {} : { labels: labels.join }),
        ...(quarantine === undefined ? {} : { quarantine }),
        ...(idField === undefined ? {} : { idField }),
        ...(erase === undefined ? {} : { inbox: { erase } }),
      },
      id,
    );
  }
}

function isPushed(source: Source): source is Source & Pick<PushSource, "accept"> {
  return "accept" in source;
}
