/** librdkafka's mock cluster, which speaks Kafka's protocol, run by kcat on loopback; in memory. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import kafkajs, { type Message } from "kafkajs";

/** Where kcat is, if it is installed (`apt-get install kcat`). */
export const KCAT: string = process.env["EVERFRESH_KCAT"] ?? "/usr/bin/kcat";

/** Whether it is installed; where it is not, what needs it is left out, by name. */
export const HAS_KCAT: boolean = existsSync(KCAT);

/** Partitions of every topic, which come into being when they are asked for. */
export const PARTITIONS = 4;

/** One cluster. */
export class KafkaTestCluster implements AsyncDisposable {
  /** Such as 127.0.0.1:38519. */
  readonly broker: string;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, broker: string) {
    this.#process = child;
    this.broker = broker;
  }

  static async start(): Promise<KafkaTestCluster> {
    const options = ["-X", "test.mock.num.brokers=1", "-X", "debug=mock"];
    const child = spawn(KCAT, ["-P", "-b", "x:1", "-t", "unused", ...options], {
      // It lives as long as its input is open.
      stdio: ["pipe", "ignore", "pipe"],
    });
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    let log = "";
    const broker = await new Promise<string>((resolve, reject) => {
      child.stderr.on("data", (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-10_000);
        const found = /bootstrap\.servers=(127\.0\.0\.1:\d+)/.exec(log)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`kcat ended: ${log}`)));
    });
    return new KafkaTestCluster(child, broker);
  }

  /** Adds messages to a partition of a topic. */
  async publish(topic: string, partition: number, messages: readonly Message[]): Promise<void> {
    const brokers = [this.broker];
    const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer();
    await producer.connect();
    const placed = messages.map((message) => ({ ...message, partition }));
    await producer.send({ topic, messages: placed });
    await producer.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await gone;
  }
}
