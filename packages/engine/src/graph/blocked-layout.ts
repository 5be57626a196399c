/**
 * ONNX Runtime's own layout for images: [samples, channels / block, height, width, block], so that
 * one vector register holds the same pixel of `block` channels. Its convolutions are the fastest
 * that ONNX Runtime has, and chains of them stay in this layout.
 *
 * A value of the graph has its blocked twin beside it, made by the operator that made the value or,
 * when first asked for, by reordering. Both have the same shape [N, C, H, W]; only the order in
 * memory differs. What no output needs is left out when the graph is finished, so that a value that
 * is only read in blocked layout never exists in the standard one.
 */
import { assert, sizeOf, type Tensor } from "@everfresh/core";
import type { EmittedOperator, Emitter, OutputType, Value } from "./emission.ts";
import { ELEMENTWISE, elementwiseOfRows } from "./elementwise-operators.ts";
import type { Attributes } from "./graph.ts";

/** The domain of the operators on this layout: internal to ONNX Runtime, so probed before use. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

/** So steep a line that it leaves the range from 0 to 1 at once; every normal number above 0 gives 1. */
const STEEP = 3e38;

/** What {@link BlockedLayout.scaleAndShift} was told. */
interface ScaleAndShift {
  readonly x: Value;
  readonly factor: Value;
  readonly offset: Value | null;
  /** Added to the result, in blocked layout. */
  readonly sum: Value | null;
}

/** The blocked twins of one graph's values. */
export class BlockedLayout {
  /** Channels per block. */
  readonly block: number;
  readonly #builder: Emitter;
  readonly #twins = new Map<string, Value>();
  /** By the name of their blocked result: cheap enough to compute again with more fused into it. */
  readonly #scaled = new Map<string, ScaleAndShift>();
  /** By the name of a blocked "x > 0", the blocked x. */
  readonly #positive = new Map<string, Value>();

  constructor(builder: Emitter, block: number) {
    this.#builder = builder;
    this.block = block;
  }

  /** Whether x can be blocked: float32 images whose channels fill the blocks. */
  fits(x: { readonly dtype: Value["dtype"]; readonly shape: Value["shape"] }): boolean {
    const [, channels = 0] = x.shape;
    return x.dtype === "float32" && x.shape.length === 4 && channels % this.block === 0;
  }

  /** Whether the blocked form of x is there at no cost. */
  has(x: Value): boolean {
    return this.#twins.has(x.name) || (this.fits(x) && isSinglePixel(x));
  }

  /** The blocked form of x. */
  of(x: Value): Value {
    const twin = this.#twins.get(x.name);
    if (twin !== undefined) return twin;
    assert(this.fits(x), `"${x.name}" fills blocks`);
    if (isSinglePixel(x)) return x;
    const attributes: Attributes = { channels_last: { kind: "int", value: 0 } };
    const blocked = this.emit("ReorderInput", [x], x, attributes);
    this.#twins.set(x.name, blocked);
    return blocked;
  }

  /** The pixels of x as rows: [samples · height · width, channels]. */
  rowsOf(x: Value): Value {
    const [n = 0, c = 0, h = 0, w = 0] = x.shape;
    const attributes: Attributes = {
      channels: { kind: "int", value: c },
      channels_last: { kind: "int", value: 1 },
    };
    const last = { dtype: x.dtype, shape: [n, h, w, c] };
    return this.emit("ReorderOutput", [this.of(x)], last, attributes);
  }

  /** Emits an operator on blocked values just as it is; the result is blocked too. */
  emit(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    output: OutputType,
    attributes: Attributes,
  ): Value {
    const [value] = this.#builder.emitIn(BLOCKED_DOMAIN, operator, inputs, [output], attributes);
    assert(value !== undefined, "one output type gives one output");
    return value;
  }

  /** Emits an operator on blocked images; the result is a value of the graph with its twin. */
  emitImage(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    output: OutputType,
    attributes: Attributes,
  ): Value {
    if (isSinglePixel(output)) return this.emit(operator, inputs, output, attributes);
    const { dtype, shape } = output;
    return this.adopt(this.emit(operator, inputs, { dtype, shape }, attributes), output);
  }

  /** The value of the graph whose blocked form is given. */
  adopt(blocked: Value, output: OutputType): Value {
    if (isSinglePixel(output) && output.as === undefined) return blocked;
    const [, channels = 0] = output.shape;
    const attributes: Attributes = {
      channels: { kind: "int", value: channels },
      channels_last: { kind: "int", value: 0 },
    };
    const plain = this.emit("ReorderOutput", [blocked], output, attributes);
    this.#twins.set(plain.name, blocked);
    return plain;
  }

  /** Gives a value of the graph, made by standard operators from rows, its blocked form too. */
  adoptRows(plain: Value, rows: Value): void {
    const [n = 0, c = 0, h = 0, w = 0] = plain.shape;
    assert(sizeOf(rows.shape) === n * c * h * w, "rows hold all pixels");
    if (!this.fits(plain) || isSinglePixel(plain)) return;
    const attributes: Attributes = { channels_last: { kind: "int", value: 1 } };
    this.#twins.set(plain.name, this.emit("ReorderInput", [rows], plain, attributes));
  }

  /**
   * factor · x + offset, one number per channel [C], in one pass: a convolution whose kernel is one
   * pixel of one channel. Relu, Clip or an addition after it joins the same pass.
   */
  scaleAndShift(
    x: Value,
    { factor, offset, sum }: { factor: Value; offset: Value | null; sum?: Value },
    output: OutputType,
  ): Value {
    const parts = { x: this.of(x), factor, offset, sum: sum === undefined ? null : this.of(sum) };
    return this.#emitScaled(parts, output, {});
  }

  /** Σ over pixels of x · y for every sample and channel, [N, C]: x as image, y as its kernel. */
  dot(x: Value, y: Value): Value {
    const [n = 0, c = 0, h = 0, w = 0] = x.shape;
    const image = this.#reshape(this.of(x), [1, n * c, h, w]);
    const kernels = this.#reshape(this.of(y), [n * c, 1, h, w]);
    const sums = this.emit(
      "Conv",
      [image, kernels],
      { dtype: x.dtype, shape: [1, n * c, 1, 1] },
      { kernel_shape: { kind: "ints", value: [h, w] }, group: { kind: "int", value: n * c } },
    );
    return this.#reshape(sums, [n, c]);
  }

  /** The mean over pixels for every sample and channel, [N, C]. */
  pixelMeans(x: Value): Value {
    const [n = 0, c = 0] = x.shape;
    const means = this.emit(
      "GlobalAveragePool",
      [this.of(x)],
      { dtype: x.dtype, shape: [n, c, 1, 1] },
      {},
    );
    return this.#reshape(means, [n, c]);
  }

  /** The outputs of an operator that works in any layout, where its inputs are blocked; or null. */
  elementwise(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes: Attributes,
  ): readonly Value[] | null {
    const [output] = outputs;
    if (output === undefined || outputs.length > 1 || !ELEMENTWISE.has(operator)) return null;
    if (isSinglePixel(output)) {
      return elementwiseOfRows(this.#builder, operator, inputs, output, attributes);
    }
    const twins = this.#twinsOf(inputs, output);
    if (twins === null) return null;
    const { dtype, shape } = output;
    const fused = this.#fused(operator, twins, output);
    if (fused !== null) return [fused];
    const emit = (values: readonly (Value | null)[], type: OutputType): Value | undefined =>
      this.#builder.emitIn(undefined, operator, values, [type], attributes)[0];
    const blocked = emit(twins, { dtype, shape });
    assert(blocked !== undefined, "one output type gives one output");
    if (dtype === "float32") return [this.adopt(blocked, output)];
    if (operator === "Greater" && twins[0] && this.#numberOf(inputs[1]) === 0) {
      this.#positive.set(blocked.name, twins[0]);
    }
    // There is no reordering of other types; whoever needs the standard layout computes it there.
    const plain = emit(inputs, output);
    assert(plain !== undefined, "one output type gives one output");
    this.#twins.set(plain.name, blocked);
    return [plain];
  }

  /** The blocked forms of images and the scalars among the inputs, or null where they do not fit. */
  #twinsOf(
    inputs: readonly (Value | null)[],
    output: OutputType,
  ): readonly (Value | null)[] | null {
    if (output.shape.length !== 4) return null;
    if (!inputs.some((input) => input !== null && this.#twins.has(input.name))) return null;
    const fits = inputs.every((input) => {
      if (input === null || sizeOf(input.shape) === 1) return true;
      if (input.shape.join() !== output.shape.join()) return false;
      return this.#twins.has(input.name) || this.fits(input);
    });
    if (!fits) return null;
    return inputs.map((input) =>
      input === null || sizeOf(input.shape) === 1 ? input : this.of(input),
    );
  }

  #fused(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    output: OutputType,
  ): Value | null {
    const [first, second, third] = inputs;
    const positive = this.#positive.get(first?.name ?? "");
    if (operator === "Cast" && output.dtype === "float32" && positive !== undefined) {
      return this.#isPositive(positive, output);
    }
    const scaled = this.#scaled.get(first?.name ?? "");
    if (operator === "Relu" && scaled !== undefined) {
      return this.#emitScaled(scaled, output, { activation: { kind: "string", value: "Relu" } });
    }
    if (operator === "Clip" && scaled !== undefined) {
      const bounds = [second, third].map((bound) => this.#numberOf(bound));
      const [low, high] = bounds;
      if (low === undefined || high === undefined) return null;
      return this.#emitScaled(scaled, output, clip(low, high));
    }
    if (operator !== "Add" || !first || !second) return null;
    if (scaled?.sum === null) return this.#emitScaled({ ...scaled, sum: second }, output, {});
    const other = this.#scaled.get(second.name);
    if (other?.sum === null) return this.#emitScaled({ ...other, sum: first }, output, {});
    return null;
  }

  /** 1 where x > 0, else 0: one pass where a comparison and its conversion to numbers are two. */
  #isPositive(x: Value, output: OutputType): Value {
    const [, channels = 0] = x.shape;
    const factor = this.#builder.floats(Array.from({ length: channels }, () => STEEP));
    return this.#emitScaled({ x, factor, offset: null, sum: null }, output, clip(0, 1));
  }

  #emitScaled(parts: ScaleAndShift, output: OutputType, activation: Attributes): Value {
    const { x, factor, offset, sum } = parts;
    const [, channels = 0] = x.shape;
    const weights = this.#reshape(factor, [channels, 1, 1, 1]);
    const inputs = sum === null ? [x, weights, offset] : [x, weights, offset, sum];
    const blocked = this.emit(
      "Conv",
      inputs.at(-1) === null ? inputs.slice(0, -1) : inputs,
      { dtype: x.dtype, shape: x.shape },
      {
        kernel_shape: { kind: "ints", value: [1, 1] },
        group: { kind: "int", value: channels },
        ...activation,
      },
    );
    if (Object.keys(activation).length === 0) this.#scaled.set(blocked.name, parts);
    return this.adopt(blocked, output);
  }

  #numberOf(value: Value | null | undefined): number | undefined {
    const constant: Tensor | undefined = value ? this.#builder.constant(value) : undefined;
    return constant === undefined ? undefined : Number(constant.data[0]);
  }

  #reshape(x: Value, shape: readonly number[]): Value {
    const sizes = this.#builder.ints(shape);
    const [value] = this.#builder.emitIn(
      undefined,
      "Reshape",
      [x, sizes],
      [{ dtype: x.dtype, shape }],
    );
    assert(value !== undefined, "one output type gives one output");
    return value;
  }
}

/** The attributes that bound the result of a convolution. */
function clip(low: number, high: number): Attributes {
  return {
    activation: { kind: "string", value: "Clip" },
    activation_params: { kind: "floats", value: [low, high] },
  };
}

/** Images of one pixel have their channels in the same order in both layouts. */
function isSinglePixel({ shape }: { readonly shape: Value["shape"] }): boolean {
  return shape.length === 4 && shape[2] === 1 && shape[3] === 1;
}
