import type { DriftSignalStatus, DriftView, WebhookStatus } from "@everfresh/sync";
import type { LabelledValue, MetricSet } from "./metric-set.ts";

const VERDICTS = ["stable", "warning", "drift"] as const;

/** What is seen of drift, as metrics: names in docs/guides/watch-for-drift.md. */
export function driftMetrics(
  metrics: MetricSet,
  { status, records }: DriftView,
  webhook: WebhookStatus | null,
): void {
  const { verdict, likelihood, samples, labelled, families, signals, counts } = status;
  metrics.gauge(
    "everfresh_drift_verdict",
    "1 for the verdict of now, 0 for the others.",
    VERDICTS.map((each) => ({ labels: { verdict: each }, value: each === verdict ? 1 : 0 })),
  );
  metrics.gauge("everfresh_drift_likelihood", "Probability of a recent change.", likelihood);
  metrics.counter("everfresh_drift_samples_total", "Samples watched.", samples);
  metrics.counter("everfresh_drift_labelled_total", "Labels looked at.", labelled);
  metrics.counter("everfresh_drift_records_total", "Warnings and drifts.", records[0]?.id ?? 0);
  metrics.gauge(
    "everfresh_drift_family_p_value",
    "How likely a stable stream shows as much.",
    families.map(({ family, pValue }) => ({ labels: { family }, value: pValue })),
  );
  const ofSignals = (value: (signal: DriftSignalStatus) => number | null): LabelledValue[] =>
    signals.map((signal) => {
      const { name, family } = signal;
      return { labels: { signal: name, family }, value: value(signal) };
    });
  const gauges = [
    ["value", "Statistic of a signal.", ({ value }: DriftSignalStatus) => value],
    ["warning_at", "Value that warns.", ({ warningAt }: DriftSignalStatus) => warningAt],
    ["drift_at", "Value that is a drift.", ({ driftAt }: DriftSignalStatus) => driftAt],
    ["p_value", "By chance on a stable stream.", ({ pValue }: DriftSignalStatus) => pValue],
    ["evidence", "Samples between such chances.", ({ evidence }: DriftSignalStatus) => evidence],
    ["share", "Part of the stream it looks at.", ({ share }: DriftSignalStatus) => share],
  ] as const;
  for (const [name, help, value] of gauges) {
    metrics.gauge(`everfresh_drift_signal_${name}`, help, ofSignals(value));
  }
  metrics.counter(
    "everfresh_drift_signal_alarms_total",
    "Drifts that a signal had a part in.",
    ofSignals(({ alarms }) => alarms),
  );
  metrics.counter(
    "everfresh_drift_odd_total",
    "What was odd about samples and labels.",
    Object.entries(counts).map(([what, value]: [string, number]) => ({ labels: { what }, value })),
  );
  if (webhook === null) return;
  const { waiting, delivered, dropped, failedAttempts } = webhook;
  metrics.gauge("everfresh_webhook_waiting", "Messages that wait.", waiting);
  metrics.counter("everfresh_webhook_delivered_total", "Messages delivered.", delivered);
  metrics.counter("everfresh_webhook_dropped_total", "Messages given up.", dropped);
  metrics.counter("everfresh_webhook_failures_total", "Attempts that failed.", failedAttempts);
}
