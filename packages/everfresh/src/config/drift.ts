import {
  completeDriftSpec,
  type DriftResponse,
  type DriftSpec,
  LearnOptionError,
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

/** What strategies that cannot act may still be told to do. */
const PASSIVE: ReadonlySet<string> = new Set(["nothing", "warn"]);

/**
 * Checks how drift is watched; null where it is not.
 * @throws LearnOptionError for a number that is out of its range, an action that the strategy cannot
 *   perform, and a webhook without a URL or a secret
 */
export function resolveDrift(
  config: DriftConfig | undefined,
  strategy: StrategySpec,
): ResolvedDrift | null {
  if (config === undefined) return null;
  const { webhook = null, onWarning, onDrift, actsUnconfirmed, ...spec } = config;
  completeDriftSpec(spec);
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
