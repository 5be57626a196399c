/** A real nats-server for tests, on loopback, with JetStream and a WebSocket listener. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** Where it is, if it is installed (`apt-get install nats-server`). */
export const NATS_SERVER: string = process.env["EVERFRESH_NATS_SERVER"] ?? "/usr/sbin/nats-server";

/** Whether it is installed; where it is not, what needs it is skipped, by name. */
export const HAS_NATS_SERVER: boolean = existsSync(NATS_SERVER);

/** Options of {@link NatsTestServer.start}. */
export interface NatsTestServerOptions {
  /** @default true */
  readonly jetStream?: boolean;
  /** More lines of its configuration. */
  readonly config?: string;
}

/** One nats-server, which can be killed and started again at the same addresses. */
export class NatsTestServer implements AsyncDisposable {
  /** Such as nats://127.0.0.1:4222. */
  readonly tcp: string;
  /** Such as ws://127.0.0.1:8080. */
  readonly ws: string;
  readonly #folder: string;
  #process: ChildProcess | null = null;

  private constructor(folder: string, tcpPort: number, wsPort: number) {
    this.#folder = folder;
    this.tcp = `nats://127.0.0.1:${tcpPort}`;
    this.ws = `ws://127.0.0.1:${wsPort}`;
  }

  static async start(options: NatsTestServerOptions = {}): Promise<NatsTestServer> {
    const { jetStream = true, config = "" } = options;
    const folder = await mkdtemp(path.join(tmpdir(), "everfresh-nats-"));
    const [tcpPort, wsPort] = await Promise.all([freePort(), freePort()]);
    const server = new NatsTestServer(folder, tcpPort, wsPort);
    const lines = [
      `listen: 127.0.0.1:${tcpPort}`,
      `websocket { listen: "127.0.0.1:${wsPort}", no_tls: true }`,
      jetStream ? `jetstream { store_dir: "${folder}/store", max_file: 8G, max_mem: 64M }` : "",
      config,
    ];
    await writeFile(path.join(folder, "nats.conf"), lines.join("\n"));
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

  /** Removes what it has stored; it does not run. */
  async wipe(): Promise<void> {
    await rm(path.join(this.#folder, "store"), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A line to a server that can be cut. */
export class CutLine implements AsyncDisposable {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #port: number;
  #isCut = false;

  private constructor(target: URL, server: Server, port: number) {
    this.#target = target;
    this.#server = server;
    this.#port = port;
    server.on("connection", (socket) => this.#carry(socket));
  }

  static async open(target: string): Promise<CutLine> {
    const server = createServer();
    return new CutLine(new URL(target), server, await portOf(server));
  }

  /** The address at this end of the line. */
  get url(): string {
    return `${this.#target.protocol}//127.0.0.1:${this.#port}`;
  }

  /** Loses every connection, and takes none. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes connections again. */
  mend(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #carry(socket: Socket): void {
    if (this.#isCut) {
      socket.destroy();
      return;
    }
    const far = connect(Number(this.#target.port), this.#target.hostname);
    for (const [end, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      this.#sockets.add(end);
      end.pipe(other);
      end.on("error", () => other.destroy());
      end.on("close", () => {
        this.#sockets.delete(end);
        other.destroy();
      });
    }
  }
}

/** A port that nobody listens on: it was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
