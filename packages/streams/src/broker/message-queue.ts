/** Messages between who receives and who stores them. */
export class MessageQueue<Message> {
  readonly #most: number;
  #messages: Message[] = [];
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();
  #isOver = false;

  /** @param most messages that may wait */
  constructor(most: number) {
    this.#most = most;
  }

  /** Adds one; resolves when there is room for another, or it is over. */
  async push(message: Message): Promise<void> {
    this.#messages.push(message);
    this.#announce();
    while (this.#messages.length >= this.#most && !this.#isOver) await this.#changed.promise;
  }

  /** No more will be added. */
  end(): void {
    this.#isOver = true;
    this.#announce();
  }

  /** Those that wait, at most so many, once there is one; none when it is over. */
  async take(most: number): Promise<readonly Message[]> {
    while (this.#messages.length === 0 && !this.#isOver) await this.#changed.promise;
    const taken = this.#messages.splice(0, most);
    this.#announce();
    return taken;
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
