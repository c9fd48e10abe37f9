/**
 * Token ids written as JSON digits, for request bodies.
 *
 * @module
 */
export { idsToDigits } from "../tokenizer/id_digits.ts";
