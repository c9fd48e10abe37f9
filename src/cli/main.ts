/**
 * The program.
 *
 * @module
 */
import { demo } from "./demo.ts";
import { denoIo } from "./io.ts";
import { runProgram } from "./program.ts";
import { serve } from "./serve.ts";
import { simulate } from "./simulate.ts";
import { verify } from "./verify.ts";

/** Runs the command line of this process; resolves with the exit code. */
export function main(): Promise<number> {
  return runProgram({ serve, simulate, demo, verify }, denoIo());
}
