/** The header of a message that says what it is: "sample", which it is without it, or "label". */
export const KIND_HEADER = "Everfresh-Kind";
