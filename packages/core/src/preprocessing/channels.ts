import { type Shape, sizeOf } from "../tensor.ts";

/** The numbers of one sample between two steps: NaN where one is missing. */
export interface NumbersShape {
  readonly shape: Shape;
  /** Which dimension counts the channels: statistics are per channel. */
  readonly channelAxis: number;
}

/** How many channels there are. */
export function channelCount({ shape, channelAxis }: NumbersShape): number {
  return shape[channelAxis] ?? 1;
}

/** The channel of every number of a sample, in their order. */
export function channelsOf({ shape, channelAxis }: NumbersShape): Uint32Array {
  const count = shape[channelAxis] ?? 1;
  const after = sizeOf(shape.slice(channelAxis + 1));
  return Uint32Array.from({ length: sizeOf(shape) }, (_, i) => Math.floor(i / after) % count);
}

/** A vector, each of whose numbers is a channel. */
export function vectorShape(size: number): NumbersShape {
  return { shape: [size], channelAxis: 0 };
}
