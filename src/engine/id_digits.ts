/**
 * Token ids written as JSON digits, for request bodies.
 *
 * @module
 */
export { idDigitsRoom, idsToDigits, writeIdDigits } from "../tokenizer/id_digits.ts";
