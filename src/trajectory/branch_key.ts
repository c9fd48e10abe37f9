/**
 * What a conversation is rendered with, besides its messages.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "../types.ts";
import { canonicalJson } from "./canonical.ts";

/** Tools, template arguments and date of one request. */
export interface BranchParts {
  /** Name or hash of the template. */
  readonly templateId: string;
  readonly tools: readonly unknown[] | null;
  readonly templateKwargs: JsonObject;
  /** The session's frozen time. */
  readonly dateMs: number;
}

/**
 * Hash of the parts, 22 characters. Tools are taken as the client wrote them, for templates print their keys in that
 * order; of the date only the day counts.
 */
export function branchKeyOf({ templateId, tools, templateKwargs, dateMs }: BranchParts): string {
  const asWritten = { sortKeys: false, exactNumbers: true };
  const kwargs = Object.keys(templateKwargs).sort().map((key) => [key, templateKwargs[key]]);
  const day = new Date(dateMs).toISOString().slice(0, 10);
  const text = canonicalJson([templateId, tools?.length ? tools : null, kwargs, day], asWritten);
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
