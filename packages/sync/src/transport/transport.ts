/** The replica's way to its feed: opens connections that carry binary frames, in order. */
export interface Transport {
  /** Where it leads, for messages. */
  readonly address: string;
  /**
   * Opens a connection; aborting `signal` gives up, or closes it when it is open already.
   * @throws TransportError when it cannot be opened; the signal's reason when aborted
   */
  open(signal: AbortSignal): Promise<Connection>;
}

/**
 * An open connection. As an iterable it gives the feed's frames, once; it ends when either side
 * closes it and throws TransportError when it breaks.
 */
export interface Connection extends AsyncIterable<Uint8Array> {
  /** Sends one frame; silently nothing once the connection is closed. */
  send(frame: Uint8Array): void;
  /** Closes; frames that came in and were not read are dropped. Harmless when closed. */
  close(): void;
}
