import type { DriftView, ModelStatus, WebhookStatus } from "@everfresh/sync";
import { Registry } from "prom-client";
import { driftMetrics } from "./drift-metrics.ts";
import { MetricSet } from "./metric-set.ts";
import { statusMetrics } from "./status-metrics.ts";

/** What a model says about itself when it is asked for metrics. */
export interface MeasuredModel {
  readonly name: string;
  status(): ModelStatus;
  /** Null where drift is not watched. */
  readonly drift: { view(): DriftView; webhook(): WebhookStatus | null } | null;
}

/** An answer in Prometheus' text format, version 0.0.4. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** Everything that is known of a model at this moment. Nothing is kept from one time to the next. */
export async function modelMetrics(model: MeasuredModel): Promise<MetricsText> {
  const registry = new Registry();
  const metrics = new MetricSet(registry, model.name);
  statusMetrics(metrics, model.status());
  if (model.drift !== null) driftMetrics(metrics, model.drift.view(), model.drift.webhook());
  return { contentType: registry.contentType, text: await registry.metrics() };
}
