/**
 * What every engine adapter keeps, whatever the wire. Run over each, against a simulated engine of its protocol.
 *
 * @module
 */
import type { AdapterSetup } from "./engine_adapter/harness.ts";
import { endCases } from "./engine_adapter/end_cases.ts";
import { refusalCases, type WireEdits } from "./engine_adapter/refusal_cases.ts";
import { samplingCases } from "./engine_adapter/sampling_cases.ts";

export type { AdapterSetup, WireEdits };

/** Registers the suite for one adapter and engine. */
export function engineAdapterSuite(setup: AdapterSetup, edits: WireEdits): void {
  samplingCases(setup);
  endCases(setup);
  refusalCases(setup, edits);
}
