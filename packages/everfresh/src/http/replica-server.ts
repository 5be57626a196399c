import type { Client } from "@everfresh/client";
import Fastify from "fastify";
import { listenOn } from "./listen.ts";

/** A replica's own small server. */
export interface ReplicaServer {
  /** Where its status is, as JSON. */
  readonly url: string;
  close(): Promise<void>;
}

/** Options of {@link startReplicaServer}. */
export interface ReplicaServerOptions {
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  readonly model: Client;
}

/**
 * Serves a replica's health and status: `/healthz` is 200 while it is live, 503 otherwise.
 * @throws PortInUseError when the address is taken
 */
export async function startReplicaServer({
  host,
  port,
  model,
}: ReplicaServerOptions): Promise<ReplicaServer> {
  const app = Fastify({ forceCloseConnections: true });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    // All of it is of this moment.
    reply.header("cache-control", "no-store");
    done();
  });
  const { name } = model.manifest;
  app.get("/healthz", (_request, reply) => {
    const { phase } = model.status();
    return reply.code(phase === "live" ? 200 : 503).send({ status: phase });
  });
  app.get("/v1/models", () => ({ models: [{ name }] }));
  app.get(`/v1/models/${name}`, () => ({ name, ...model.status() }));
  const authority = await listenOn(app, host, port);
  return { url: `http://${authority}/v1/models/${name}`, close: () => app.close() };
}
