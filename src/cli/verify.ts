/**
 * `slime-router verify`: checks an export offline.
 *
 * @module
 */
import { TextLineStream } from "./text_lines.ts";
import { ConfigError } from "../errors.ts";
import {
  describeFinding,
  verifyExport,
  type VerifyReport,
  verifySafetensors,
} from "../trajectory/export/mod.ts";
import type { CliIo } from "./io.ts";
import { EXIT } from "./program.ts";

/** Settings of `verify`. */
export interface VerifyOptions {
  /** An export of any shape: `.safetensors`, else JSON lines. */
  readonly file: string;
}

/**
 * Checks lengths, provenance, masks, credit, counts, and the hash chain of the ids that were POSTed; of rows in the shapes of
 * trainers, lengths and masks.
 *
 * @returns 0 when all is well, 1 when there are findings; each is a line
 * @throws {ConfigError} when the file cannot be read
 */
export async function verify({ file }: VerifyOptions, io: CliIo): Promise<number> {
  const report = await readReport(file);
  const { ok, sessions, rows, tokens, trained, unhashedRows, findings, findingsLeftOff } = report;
  for (const finding of findings) io.out(`${describeFinding(finding)}\n`);
  if (findingsLeftOff > 0) io.out(`${findingsLeftOff} more findings\n`);
  const unhashed = unhashedRows === 0 ? "" : `, ${unhashedRows} rows without hashes`;
  const counts = `${sessions} sessions, ${rows} rows, ${tokens} tokens, ${trained} trained${unhashed}`;
  const found = findings.length + findingsLeftOff;
  io.out(ok ? `ok: ${counts}\n` : `not ok: ${found === 0 ? "no row" : `${found} findings`} in ${counts}\n`);
  return ok ? EXIT.ok : EXIT.failure;
}

async function readReport(file: string): Promise<VerifyReport> {
  if (file.endsWith(".safetensors")) return verifySafetensors(await opened(file, Deno.readFile));
  const source = await opened(file, (path) => Deno.open(path, { read: true }));
  return await verifyExport(
    source.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()),
  );
}

async function opened<T>(file: string, open: (path: string) => Promise<T>): Promise<T> {
  try {
    return await open(file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new ConfigError(`Cannot read export "${file}": ${reason}`);
  }
}
