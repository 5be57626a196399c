/** Most parameters that a state may have: 8 GiB of float32, and indices stay within 31 bits. */
export const PARAMETERS_MAX: number = 2 ** 31;

/** Most tensors that a state may have: far above any model, far below trouble. */
export const TENSORS_MAX = 65_536;
