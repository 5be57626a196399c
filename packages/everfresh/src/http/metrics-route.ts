import type { FastifyInstance } from "fastify";
import { type MeasuredModel, modelMetrics } from "../metrics/model-metrics.ts";

/** Adds `GET /metrics`: everything that is measured, as Prometheus reads it. */
export function addMetricsRoute(app: FastifyInstance, model: MeasuredModel): void {
  app.get("/metrics", async (_request, reply) => {
    const { contentType, text } = await modelMetrics(model);
    return reply.type(contentType).send(text);
  });
}
