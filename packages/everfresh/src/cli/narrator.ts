import type { DriftMessageType } from "../drift/drift-message.ts";
import type { RunEvent } from "../run/run-events.ts";
import type { RunSummary } from "./summary.ts";
import { bytes, percent, shortFingerprint, type Terminal } from "./terminal.ts";

const REPLICA_COMMAND = import.meta.url.endsWith(".ts")
  ? "npm run everfresh -- replica"
  : "npx everfresh replica";
const PROGRESS_EVERY_MS = 200; // five times a second is as fast as a person reads
const PIPED_EVERY_MS = 10_000; // a log file wants to know that it is alive, not every step

const WORDS: { readonly [K in DriftMessageType]: string } = {
  "drift.warning": "drift warning",
  "drift.detected": "drift",
  "drift.withdrawn": "drift withdrawn",
};

/** Tells a person what a run does: lines that stay, and one that moves on a terminal. */
export class Narrator {
  readonly #terminal: Terminal;
  #shownAtMs = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows one event; steps are shown now and then. */
  tell(event: RunEvent): void {
    const style: Terminal["style"] = (look, text) => this.#terminal.style(look, text);
    switch (event.kind) {
      case "listening":
        this.#terminal.line(
          `${style("bold", "Everfresh")}  live page  ${style("cyan", event.pageUrl)}`,
        );
        this.#terminal.line(
          `           replicas   ${style("cyan", `${REPLICA_COMMAND} ${event.feedUrl}`)}`,
        );
        if (event.samplesUrl !== null) {
          this.#terminal.line(`           samples    ${style("cyan", `POST ${event.samplesUrl}`)}`);
        }
        return;
      case "signing":
        this.#terminal.line(`signing with key ${event.keyId}`);
        return;
      case "resumed":
        this.#terminal.line(
          `resumed at version ${event.version}, from the checkpoint of step ${event.step}`,
        );
        return;
      case "ready":
        this.#terminal.line(`ready at version ${event.version}, ${event.plan}`);
        if (event.buffersEvery !== null) {
          this.#terminal.line(`BatchNorm statistics every ${event.buffersEvery} updates`);
        }
        if (event.warmUpSteps > 0) {
          this.#terminal.line(
            `from trained weights: the learning rate rises over the first ${event.warmUpSteps} steps`,
          );
        }
        return;
      case "step":
        this.#tellStep(event);
        return;
      case "retraining":
        this.#tellRetraining(event);
        return;
      case "publishing":
        this.#terminal.line(
          `publishing to NATS; replicas   ${style("cyan", `${REPLICA_COMMAND} ${event.address}`)}`,
        );
        return;
      case "rolledBack":
        this.#terminal.line(
          `rolled back to version ${event.report.rolledBackTo}, as version ${event.report.version}`,
        );
        return;
      case "drift":
        this.#terminal.line(`${style("yellow", WORDS[event.type])} ${event.record.explanation}`);
        return;
      case "warning":
        this.#terminal.line(`${style("yellow", "warning")} ${event.message}`);
        return;
      default:
        event satisfies never;
    }
  }

  /** Shows the end of a run. */
  conclude(summary: RunSummary): void {
    const { updateBytes, denseBytes, heldOutAccuracy, replicas } = summary;
    this.#terminal.line(
      `learned ${summary.samples.toLocaleString("en")} samples in ${summary.steps.toLocaleString("en")} steps, version ${summary.version}, fingerprint ${summary.fingerprint}`,
    );
    if (updateBytes.mean > 0) {
      this.#terminal.line(
        `updates: ${bytes(updateBytes.mean)} on average, ${Math.round(denseBytes / updateBytes.mean)} times smaller than the model (${bytes(denseBytes)})`,
      );
    }
    if (heldOutAccuracy !== null) {
      this.#terminal.line(`held-out accuracy of the deployed state: ${percent(heldOutAccuracy)}`);
    }
    for (const replica of replicas) {
      const same = replica.fingerprint === summary.fingerprint ? "the same bits" : "another state";
      const own = replica.heldOutAccuracy;
      this.#terminal.line(
        `replica at version ${replica.version}: ${same}${own === null ? "" : `, held-out accuracy ${percent(own)}`}`,
      );
    }
  }

  #tellRetraining({ progress }: Extract<RunEvent, { kind: "retraining" }>): void {
    if (!this.#isTime()) return;
    const { step, steps, loss } = progress;
    const done = `${step.toLocaleString("en")} of ${steps.toLocaleString("en")} steps`;
    const text = `retraining  ${percent(step / steps)}  ${done}  loss ${loss.toFixed(4)}`;
    if (this.#terminal.interactive) this.#terminal.progress(text);
    else this.#terminal.line(text);
  }

  /** Whether people are ready for another line about progress. */
  #isTime(): boolean {
    const nowMs = performance.now();
    const everyMs = this.#terminal.interactive ? PROGRESS_EVERY_MS : PIPED_EVERY_MS;
    if (nowMs - this.#shownAtMs < everyMs) return false;
    this.#shownAtMs = nowMs;
    return true;
  }

  #tellStep({ report }: Extract<RunEvent, { kind: "step" }>): void {
    if (report.kind === "step" && !this.#isTime()) return;
    const text = [
      `version ${report.version}`,
      shortFingerprint(report.fingerprint),
      `${report.samples.toLocaleString("en")} samples`,
      `trained ${percent(report.trained.windowAccuracy)}`,
      `deployed ${percent(report.deployed.windowAccuracy)}`,
      `${bytes(report.updateBytes)} per update`,
      `${report.stepMs.toFixed(1)} ms per step`,
    ].join("  ");
    if (this.#terminal.interactive) this.#terminal.progress(text);
    else this.#terminal.line(text);
  }
}
