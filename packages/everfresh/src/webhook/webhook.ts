import type { Clock } from "@everfresh/core";
import type { Sleep } from "@everfresh/learn";
import { signatureHeaders, webhookKey, type WebhookMessage } from "./signature.ts";

/** Messages that may wait: more than that tell nobody anything that the newest do not. */
const WAITING_MAX = 64;
/** Attempts per message: with the waits between them it is given up after about an hour and a half. */
const ATTEMPTS_MAX = 12;
/** Waits between attempts, before jitter: 1 s, 2 s, 4 s, and so on up to 15 minutes. */
const WAIT_BASE_MS = 1_000;
const WAIT_CAP_MS = 15 * 60_000;
/** A receiver that takes longer to answer is asked again; Standard Webhooks suggests 15 to 30 s. */
const ANSWER_MS_MAX = 20_000;
/** At the end of the program everything that waits has one more attempt, and so long for all. */
const CLOSE_MS_MAX = 5_000;

/** The endpoint says that it is gone for good. */
const GONE = 410;

/** Where messages go. */
export interface WebhookTarget {
  /** An http or https URL. */
  readonly url: string;
  /** `whsec_` and 24 to 64 bytes in base64; the receiver has it too. */
  readonly secret: string;
}

/** What {@link Webhook} works with. */
export interface WebhookOptions extends WebhookTarget {
  readonly clock: Pick<Clock, "nowMs">;
  readonly sleep: Sleep;
  /** Uniform in [0, 1): spreads attempts. */
  readonly random: () => number;
  /** Sends a request. @default the fetch of the runtime */
  readonly fetch?: typeof fetch;
  /** Is told of messages that were given up, with the reason. */
  readonly onDropped: (message: WebhookMessage, reason: string) => void;
}

/** What has become of messages since the process began. */
export interface WebhookCounts {
  readonly waiting: number;
  readonly delivered: number;
  /** Given up: too many waited, too many attempts failed, or the endpoint is gone. */
  readonly dropped: number;
  /** Attempts that failed. */
  readonly failedAttempts: number;
}

/** What an attempt came to; null where it was delivered. */
interface Failure {
  readonly reason: string;
  /** The receiver asks not to be asked again for so long; 0 where it does not say. */
  readonly retryAfterMs: number;
  readonly isGone: boolean;
}

/**
 * Delivers signed messages to an endpoint, one after another, each until it is answered with a success:
 * with waits that double, and jitter of equal size. Nobody waits for it; when the receiver is away for
 * long, the oldest messages are given up.
 */
export class Webhook implements AsyncDisposable {
  readonly #options: WebhookOptions;
  readonly #key: Uint8Array;
  readonly #waiting: WebhookMessage[] = [];
  readonly #closing = new AbortController();
  readonly #deadline = new AbortController();
  #sending: Promise<void> | null = null;
  #isGone = false;
  #delivered = 0;
  #dropped = 0;
  #failedAttempts = 0;

  /** @throws LearnOptionError when the secret is none */
  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#key = webhookKey(options.secret);
  }

  /** Sends a message as soon as those before it are done with; gives up the oldest if too many wait. */
  send(message: WebhookMessage): void {
    if (this.#isGone || this.#closing.signal.aborted) {
      this.#drop(message, this.#isGone ? "the endpoint is gone" : "the run ends");
      return;
    }
    this.#waiting.push(message);
    // The first one is on its way.
    const [oldest] = this.#waiting.length > WAITING_MAX ? this.#waiting.splice(1, 1) : [];
    if (oldest !== undefined) this.#drop(oldest, `more than ${WAITING_MAX} wait`);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
  }

  /** What has become of messages. */
  counts(): WebhookCounts {
    return {
      waiting: this.#waiting.length,
      delivered: this.#delivered,
      dropped: this.#dropped,
      failedAttempts: this.#failedAttempts,
    };
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    while (this.#sending !== null) await this.#sending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    if (this.#sending === null) return;
    const timer = new AbortController();
    const { sleep } = this.#options;
    void sleep(CLOSE_MS_MAX, timer.signal).then(() => this.#deadline.abort());
    await this.settled();
    timer.abort();
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const failure = await this.#deliver(next);
      this.#waiting.shift();
      if (failure === null) this.#delivered++;
      else this.#drop(next, failure.reason);
    }
  }

  /** Tries until it is delivered, or until there is no point in trying again. */
  async #deliver(message: WebhookMessage): Promise<Failure | null> {
    const { sleep, random } = this.#options;
    for (let attempt = 0; ; attempt++) {
      // After the end has begun this is the last attempt.
      const isLast = this.#closing.signal.aborted || attempt === ATTEMPTS_MAX - 1;
      const failure = await this.#attempt(message);
      if (failure === null) return null;
      this.#failedAttempts++;
      this.#isGone ||= failure.isGone;
      if (isLast || this.#isGone) return failure;
      const longestMs = Math.min(WAIT_CAP_MS, WAIT_BASE_MS * 2 ** attempt);
      const waitMs = longestMs / 2 + (random() * longestMs) / 2;
      await sleep(Math.max(waitMs, failure.retryAfterMs), this.#closing.signal);
    }
  }

  async #attempt(message: WebhookMessage): Promise<Failure | null> {
    const { url, clock, fetch: request = fetch } = this.#options;
    try {
      const response = await request(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "user-agent": "everfresh",
          ...signatureHeaders(message, this.#key, clock.nowMs()),
        },
        body: message.body,
        // Elsewhere nobody has the secret.
        redirect: "manual",
        signal: AbortSignal.any([AbortSignal.timeout(ANSWER_MS_MAX), this.#deadline.signal]),
      });
      await response.body?.cancel();
      if (response.ok) return null;
      const { status, headers } = response;
      return {
        reason: `status ${status}`,
        retryAfterMs: retryAfterMs(headers.get("retry-after")),
        isGone: status === GONE,
      };
    } catch (error) {
      return { reason: reasonOf(error), retryAfterMs: 0, isGone: false };
    }
  }

  #drop(message: WebhookMessage, reason: string): void {
    this.#dropped++;
    this.#options.onDropped(message, reason);
  }
}

/** Seconds of a Retry-After header as milliseconds, at most the longest wait; a date counts as none. */
function retryAfterMs(header: string | null): number {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) ? Math.min(WAIT_CAP_MS, Math.max(0, seconds * 1_000)) : 0;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
