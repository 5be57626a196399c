/** A real nats-server with JetStream for tests, on loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { KIND_HEADER } from "./message-kind.ts";

/** Where it is, if it is installed (`apt-get install nats-server`). */
export const NATS_SERVER: string = process.env["EVERFRESH_NATS_SERVER"] ?? "/usr/sbin/nats-server";

/** Whether it is installed; where it is not, what needs it is left out, by name. */
export const HAS_NATS_SERVER: boolean = existsSync(NATS_SERVER);

/** One nats-server, which can be killed and started again at the same address. */
export class NatsTestServer implements AsyncDisposable {
  /** Such as nats://127.0.0.1:4222. */
  readonly url: string;
  readonly #folder: string;
  #process: ChildProcess | null = null;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.url = `nats://127.0.0.1:${port}`;
  }

  static async start(config = ""): Promise<NatsTestServer> {
    const folder = await mkdtemp(path.join(tmpdir(), "everfresh-nats-source-"));
    const port = await freePort();
    const server = new NatsTestServer(folder, port);
    const lines = [`listen: 127.0.0.1:${port}`, `jetstream { store_dir: "${folder}/store" }`];
    await writeFile(path.join(folder, "nats.conf"), [...lines, config].join("\n"));
    await server.start();
    return server;
  }

  /** Starts it again, with what it had stored. */
  async start(): Promise<void> {
    const child = spawn(NATS_SERVER, ["-c", path.join(this.#folder, "nats.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    // A test that hangs is given up with its process: nothing of it is to stay.
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    let log = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes("Server is ready")) resolve();
      });
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`nats-server ended: ${log}`)));
    });
  }

  /** Kills it, as a power cut would: kill -9. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Adds messages to a stream, which it makes if need be: samples, or what else they are. */
  async publish(stream: string, bodies: readonly Uint8Array[], kind = "sample"): Promise<void> {
    const head = headers();
    head.set(KIND_HEADER, kind);
    const connection = await connect({ servers: this.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: stream, subjects: [`${stream}.>`] });
    for (const body of bodies)
      await jetstream(connection).publish(`${stream}.row`, body, { headers: head });
    await connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nobody listens on: it was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
