import path from "node:path";
import type { FeedConnection, FeedSession, ModelStatus } from "@everfresh/sync";
import fastifyStatic from "@fastify/static";
import fastifyWebsocket from "@fastify/websocket";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { type MeasuredModel } from "../metrics/model-metrics.ts";
import { addDriftRoute, type ServedDrift } from "./drift-route.ts";
import { FeedSockets } from "./feed-sockets.ts";
import { listenOn } from "./listen.ts";
import { addMetricsRoute } from "./metrics-route.ts";
import { mayFollow, type Origins } from "./origins.ts";
import { PAGE_MISSING, pageDirectory } from "./page.ts";
import { addRollbackRoute, type RollbackModel } from "./rollback-route.ts";
import { addSamplesRoutes, type SampledModel } from "./samples-route.ts";
import { addSegmentRoutes, type PolledModel } from "./segment-routes.ts";
import { streamStatus } from "./status-stream.ts";

const FRAME_BYTES_MAX = 64 * 1024; // replicas only send small control messages

/** One model as the server shows it. */
export interface ServedModel extends RollbackModel, SampledModel, PolledModel, MeasuredModel {
  /** Whether replicas can be let in; false while a restart replays. */
  readonly ready: boolean;
  status(): ModelStatus;
  /** Null where drift is not watched. */
  readonly drift: ServedDrift | null;
  /** Adds a replica's connection to the feed. */
  connect(connection: FeedConnection): FeedSession;
}

/** Options of {@link startServer}. */
export interface ServerOptions {
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  readonly model: ServedModel;
  /** Pages of which other origins may follow the model. @default "*" */
  readonly origins?: Origins;
}

/** A running server. */
export interface Server {
  /** Where people look, such as `http://127.0.0.1:7070/`. */
  readonly pageUrl: string;
  /** Where replicas connect, such as `ws://127.0.0.1:7070/v1/models/digits`. */
  readonly feedUrl: string;
  close(): Promise<void>;
}

/** WebSocket close codes (RFC 6455, and 1013 of its registry). */
const CLOSE = { unknownModel: 1008, forbidden: 1008, tryAgainLater: 1013 } as const;

const FORBIDDEN_PAGE = "pages of this origin may not follow this model";

const SECURITY_HEADERS = {
  "content-security-policy": [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/**
 * Serves the live page, the status of the model and the feed of its updates.
 * @throws PortInUseError when the address is taken
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { host, port, model, origins = "*" } = options;
  const app = Fastify({ forceCloseConnections: true });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    reply.headers(SECURITY_HEADERS);
    // What says nothing else is of this moment, as are all errors.
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    done();
  });
  await app.register(fastifyWebsocket, {
    // Updates are coded already, and a compressor takes more memory than all else of a connection.
    options: { maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false },
  });
  await addPage(app);
  const sockets = new FeedSockets();
  addModelRoutes(app, { model, sockets, origins });
  addDriftRoute(app, model);
  addMetricsRoute(app, model);
  addRollbackRoute(app, model, origins);
  addSamplesRoutes(app, model, origins);
  addSegmentRoutes(app, model, origins);
  const authority = await listenOn(app, host, port);
  return {
    pageUrl: `http://${authority}/`,
    feedUrl: `ws://${authority}/v1/models/${model.name}`,
    close: async () => {
      sockets[Symbol.dispose]();
      await app.close();
    },
  };
}

async function addPage(app: FastifyInstance): Promise<void> {
  const directory = pageDirectory();
  if (directory === null) {
    app.get("/", (_request, reply) => reply.type("text/html").send(PAGE_MISSING));
  } else {
    await app.register(fastifyStatic, { root: directory, setHeaders: cachePolicy });
  }
}

/** Files with a hash in their name never change; the page itself is asked for each time. */
function cachePolicy(reply: FastifyReply, file: string): void {
  const immutable = file.includes(`${path.sep}assets${path.sep}`);
  void reply.header(
    "cache-control",
    immutable ? "public, max-age=31536000, immutable" : "no-cache",
  );
}

function addModelRoutes(
  app: FastifyInstance,
  {
    model,
    sockets,
    origins,
  }: Required<Pick<ServerOptions, "model" | "origins">> & {
    readonly sockets: FeedSockets;
  },
): void {
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: { code: "EF_NOT_FOUND", message: `There is nothing at ${request.url}` },
    }),
  );
  app.get("/healthz", () => ({ status: "ok" }));
  app.get("/v1/models", () => ({ models: [{ name: model.name }] }));
  app.route<{ Params: { name: string } }>({
    method: "GET",
    url: "/v1/models/:name",
    handler: ({ params }, reply) => {
      if (params.name === model.name) void reply.send(model.status());
      else reply.callNotFound();
    },
    wsHandler: (socket, { params, headers, raw }) => {
      // Closed with a reason: a WebSocket client cannot see why its upgrade was refused.
      if (params.name !== model.name) socket.close(CLOSE.unknownModel, "there is no such model");
      else if (!mayFollow(origins, headers)) socket.close(CLOSE.forbidden, FORBIDDEN_PAGE);
      else if (!model.ready) socket.close(CLOSE.tryAgainLater, "replaying, try again");
      else sockets.join(socket, raw.socket, (connection) => model.connect(connection));
    },
  });
  app.route<{ Params: { name: string } }>({
    method: "GET",
    url: "/v1/models/:name/events",
    // It never ends: there is nothing to say about it beforehand.
    exposeHeadRoute: false,
    handler: (request, reply) => {
      if (request.params.name === model.name) {
        streamStatus(reply, model, SECURITY_HEADERS);
      } else reply.callNotFound();
    },
  });
}
