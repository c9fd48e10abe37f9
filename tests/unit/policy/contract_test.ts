/** The contract, over every policy there is. */
import { createPolicy, POLICY_NAMES } from "../../../src/policy/create.ts";
import { policySuite } from "../../support/policy_suite.ts";

for (const name of POLICY_NAMES) {
  policySuite({ name, create: (options) => createPolicy(name, options) });
}
