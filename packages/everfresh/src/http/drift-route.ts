import type { DriftPage, DriftView, WebhookStatus } from "@everfresh/sync";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { DriftNotWatchedError, RequestError } from "../errors.ts";

/** Drift monitoring of a model as the server shows it. */
export interface ServedDrift {
  /** How things are, with the records after a number, or the newest ones. */
  page(after: number | null): DriftPage;
  /** What the live page shows. */
  view(): DriftView;
  /** Null where nobody is told. */
  webhook(): WebhookStatus | null;
}

const querySchema = z.strictObject({ after: z.coerce.number().int().nonnegative().optional() });

/** Adds `GET /v1/models/{name}/drift?after=ID`; 404 where drift is not watched. */
export function addDriftRoute(
  app: FastifyInstance,
  model: { readonly name: string; readonly drift: ServedDrift | null },
): void {
  app.get<{ Params: { name: string } }>("/v1/models/:name/drift", ({ params, query }, reply) => {
    if (params.name !== model.name) {
      reply.callNotFound();
    } else if (model.drift === null) {
      const { code, message } = new DriftNotWatchedError(model.name);
      void reply.code(404).send({ error: { code, message } });
    } else {
      const checked = querySchema.safeParse(query);
      if (checked.success) {
        void reply.send(model.drift.page(checked.data.after ?? null));
        return;
      }
      const { code, message } = new RequestError(
        "Drift takes ?after=ID alone: records with a higher number than this whole one",
      );
      void reply.code(400).send({ error: { code, message } });
    }
  });
}
