import {
  completeDriftSpec,
  type DriftResponse,
  type DriftSpec,
  LearnOptionError,
  type SignalInput,
  type StrategySpec,
} from "@everfresh/learn";
import { webhookKey } from "../webhook/signature.ts";
import type { WebhookTarget } from "../webhook/webhook.ts";

/** How a stream is watched for drift, what is done about it, and who is told. */
export interface DriftConfig extends DriftSpec, DriftResponse {
  /** Is told of warnings, drifts and those of them that labels do not confirm. @default nobody */
  readonly webhook?: WebhookTarget;
}

/** The parts of a {@link DriftConfig}, checked. */
export interface ResolvedDrift {
  readonly spec: DriftSpec;
  readonly response: DriftResponse;
  readonly webhook: WebhookTarget | null;
}

/** Inputs of signals that a program of its own can feed to a monitor, and a run does not. */
const NOT_FED: ReadonlySet<SignalInput> = new Set(["embedding", "reconstruction", "disagreement"]);

/** What strategies that cannot act may still be told to do. */
const PASSIVE: ReadonlySet<string> = new Set(["nothing", "warn"]);

/**
 * Checks how drift is watched; null where it is not.
 * @throws LearnOptionError for a number that is out of its range, a signal that a run does not feed, an
 *   action that the strategy cannot perform, and a webhook without a URL or a secret
 */
export function resolveDrift(
  config: DriftConfig | undefined,
  strategy: StrategySpec,
): ResolvedDrift | null {
  if (config === undefined) return null;
  const { webhook = null, onWarning, onDrift, actsUnconfirmed, ...spec } = config;
  completeDriftSpec(spec);
  checkInputs(spec);
  const response: DriftResponse = {
    ...(onWarning === undefined ? {} : { onWarning }),
    ...(onDrift === undefined ? {} : { onDrift }),
    ...(actsUnconfirmed === undefined ? {} : { actsUnconfirmed }),
  };
  checkActions(response, strategy);
  if (webhook !== null) checkWebhook(webhook);
  return { spec, response, webhook };
}

/** The strategy with what it is to do about drift, where it can do anything. */
export function withResponse(strategy: StrategySpec, drift: ResolvedDrift | null): StrategySpec {
  if (drift === null || strategy.kind !== "proactive") return strategy;
  return { ...strategy, response: { ...strategy.response, ...drift.response } };
}

function checkInputs({ signals = [] }: DriftSpec): void {
  for (const { name, input } of signals) {
    if (!NOT_FED.has(input)) continue;
    const needed = `another input where a run watches; DriftMonitor takes "${input}" from a program`;
    throw new LearnOptionError(`drift.signals "${name}" input`, input, needed);
  }
}

function checkActions({ onWarning, onDrift }: DriftResponse, { kind }: StrategySpec): void {
  if (kind === "proactive") return;
  for (const [option, action] of Object.entries({ onWarning, onDrift })) {
    if (action === undefined || PASSIVE.has(action.kind)) continue;
    const needed = `"nothing" or "warn" where the strategy is ${kind}; only proactive training acts`;
    throw new LearnOptionError(`drift.${option}.kind`, action.kind, needed);
  }
}

function checkWebhook({ url, secret }: WebhookTarget): void {
  const protocol = URL.parse(url)?.protocol;
  if (protocol !== "https:" && protocol !== "http:") {
    throw new LearnOptionError("drift.webhook.url", url, "an http or https URL");
  }
  webhookKey(secret);
}
